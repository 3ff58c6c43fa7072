"""What the pages share: the router, and components of one function each."""
