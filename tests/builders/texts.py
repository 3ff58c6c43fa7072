"""Texts that Markdown would show otherwise than they were written."""

TEXTS = [
    *("*a* **b** `c` ~~d~~ _e_ __f__ snake_case_name", "# heading", "- list", "+ list", "* list", "1. one", "2) two"),
    *("> quoted", "---", "===", "```", "~~~py", "| a | b |\n|---|---|\n| 1 | 2 |", "a\n---\nb", "one\ntwo\n\nthree"),
    *("    code", "&amp; &lt; &#58;", "\\*x\\*", "back\\", "[^1]", "[x]: http://a.example", "- [ ] task", "a|b", "$"),
    *(":smile: :+1: :-1: ::smile:: :a:smile:", ":material/delete:", ":material_delete:", ":material/a:material/b:"),
    *(":streamlit:", ":red[x] :red-badge[y] :small[z] :rainbow-background[q]", ":color[a]{foreground=red}", ":red["),
    *(
        "\\:red[x]",
        "x:y[z]{a=b}",
        ":a1[x]{.b #c}",
        "::leaf[x]",
        ":::box",
        "a:b:c",
        ":[x]",
        ":",
        "::",
        ":-)",
        "12:30:45",
    ),
    *("![b](http://a.example/p.png)", "[l](http://a.example)", "http://a.example/x?a=b", "HTTPS://A.EXAMPLE"),
    *("www.a.example", "WWW.a.example", "a.b@c.example", "mailto:a@b.example", "<http://a.example>", "ftp://a.example"),
    *("<b>x</b> <img src=http://a.example onerror=alert(1)>", "<!-- c -->", "$x^2$ $$y$$ 5$ and 6$", "\\[x\\] \\(x\\)"),
    *("a -> b <- c <-> d -- e >= f <= g ~= h", "->", "--", ">=", "<->", "3x3, changed", "7×7", "C:\\temp\\x", "100 %"),
]

LONG_NAME = "=[bold]x[/] :smile: [/nothing] " + "n" * 29  # sixty characters, of which rich would make something else
