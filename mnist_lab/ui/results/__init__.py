"""Components of the Results, Run and Compare pages."""
