"""The HTML by which one enters a class: plain pages without scripts, for a phone with a slow browser too.

Whatever somebody typed is escaped here, and nowhere else.
"""

import functools
from dataclasses import dataclass
from html import escape
from pathlib import Path

from mnist_lab.ui import navigation

_TEACHERS = '<p class="hint">The teacher opens the link that the server printed when it started.</p>'


@dataclass(frozen=True)
class Form:
    """What stands in the form for joining, and what is wrong with it.

    Attributes:
        visit: what tells a form that is sent twice from a form of somebody else.
        code, name: as they were typed.
        wrong_code, wrong_name: a sentence at the field, or empty.
        wrong: a sentence about all of it, or empty.
        is_taken: whether somebody in the class has this name, so that it may be asked for.
    """

    visit: str = ""
    code: str = ""
    name: str = ""
    wrong_code: str = ""
    wrong_name: str = ""
    wrong: str = ""
    is_taken: bool = False

    @property
    def is_wrong(self) -> bool:
        """Whether there is something to be mended."""
        return bool(self.wrong_code or self.wrong_name or self.wrong)


def form(base: str, given: Form) -> str:
    """The form for joining, with what was typed before."""
    focus_on_name = not given.wrong_code and bool(given.code)
    code = _field(
        "code",
        "Code",
        "It stands on the class's screen. Capitals, blanks and hyphens do not matter.",
        given.code,
        given.wrong_code,
        f'autocomplete="off" autocapitalize="characters" spellcheck="false"{"" if focus_on_name else " autofocus"}',
    )
    name = _field(
        "name",
        "Your name",
        "What the class will read, up to 40 characters.",
        given.name,
        given.wrong_name,
        f'autocomplete="nickname" spellcheck="false" dir="auto"{" autofocus" if focus_on_name else ""}',
    )
    return page(
        base,
        "Join the class",
        f"""{_wrong(given.wrong)}
      <form method="post" action="{escape(base)}/join">
        <input type="hidden" name="visit" value="{escape(given.visit)}">
        {code}
        {name}
        <button class="primary">Join</button>
      </form>{_ask(base, given) if given.is_taken else ""}
      {_TEACHERS}""",
        is_wrong=given.is_wrong,
    )


def member(base: str, name: str) -> str:
    """For somebody who is in the class already."""
    return page(
        base,
        f"You are {name}",
        heading=f"You are {_name(name)}",
        content=f"""{_to(base, "/", "Go to the lab")}
      <h2>Somebody else on this device?</h2>
      <p>Leave first. To come back as {_name(name)}, you then need your teacher to let you in.</p>
      {_leave(base, "Leave the class on this device")}""",
    )


def teacher(base: str) -> str:
    """For the teacher."""
    return page(
        base,
        "You are the teacher",
        f"""<p>{_to(base, "/class", "Go to the class")} {_to(base, "/", "Go to the lab", is_primary=False)}</p>
      <h2>Somebody else on this device?</h2>
      <p>Leave first. To come back, open the link that the server printed when it started.</p>
      {_leave(base, "Leave on this device")}""",
    )


def waiting(base: str) -> str:
    """For somebody who waits until the teacher lets them in; a browser asks for it again by itself."""
    return page(
        base,
        "Waiting for your teacher",
        f"""<p>Your teacher sees that you ask, and lets you in with one click. This page then goes on by itself.</p>
      {_leave(base, "Choose another name")}""",
    )


def closed(base: str) -> str:
    """For whoever comes to a class that is closed."""
    return page(
        base,
        "The class is closed",
        f"""<p>Nobody can join at the moment. Ask your teacher to open the class again.</p>
      {_TEACHERS}""",
    )


def saying(base: str, title: str, sentence: str, *, to_lab: bool = False, to_join: bool = False) -> str:
    """A page with one sentence, and a way on where there is one."""
    on = _to(base, "/", "Go to the lab") if to_lab else _to(base, "/join", "Join the class") if to_join else ""
    return page(base, title, f"<p>{escape(sentence)}</p>\n      {on}")


def page(base: str, title: str, content: str, *, heading: str = "", is_wrong: bool = False) -> str:
    """A whole page.

    Args:
        base: the path below which the lab is served; empty or like `/lab`.
        title: as text.
        content: as HTML.
        heading: as HTML, where it is not just the title.
    """
    return f"""<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>{"Error: " if is_wrong else ""}{escape(title)} · {navigation.NAME}</title>
    <link rel="icon" href="{escape(base)}/favicon.png">
    <style>{_style()}</style>
  </head>
  <body>
    <main>
      <header><img src="{escape(base)}/favicon.png" alt="" width="24" height="24">{navigation.NAME}</header>
      <h1>{heading or escape(title)}</h1>
      {content}
    </main>
  </body>
</html>
"""


@functools.cache
def _style() -> str:
    return Path(__file__).with_name("door.css").read_text(encoding="utf-8")


def _field(name: str, label: str, hint: str, value: str, wrong: str, attributes: str) -> str:
    described = f"{name}-hint {name}-wrong" if wrong else f"{name}-hint"
    invalid = ' aria-invalid="true"' if wrong else ""
    said = f'\n          <p class="wrong" id="{name}-wrong">{escape(wrong)}</p>' if wrong else ""
    return f"""<div class="field">
          <label for="{name}">{label}</label>
          <p class="hint" id="{name}-hint">{hint}</p>
          <input id="{name}" name="{name}" value="{escape(value)}" required aria-describedby="{described}"{invalid} {attributes}>{said}
        </div>"""


def _ask(base: str, given: Form) -> str:
    return f"""
      <h2>Are you {_name(given.name)}, on another device?</h2>
      <form method="post" action="{escape(base)}/join">
        <input type="hidden" name="asks" value="1">
        <input type="hidden" name="visit" value="{escape(given.visit)}">
        <input type="hidden" name="code" value="{escape(given.code)}">
        <input type="hidden" name="name" value="{escape(given.name)}">
        <button>Ask the teacher to let me in as {_name(given.name)}</button>
      </form>"""


def _leave(base: str, label: str) -> str:
    return f'<form method="post" action="{escape(base)}/leave"><button>{label}</button></form>'


def _to(base: str, path: str, label: str, *, is_primary: bool = True) -> str:
    return f'<a class="button{" primary" if is_primary else ""}" href="{escape(base)}{path}">{label}</a>'


def _name(name: str) -> str:
    """A name within a sentence of ours: where it is written from the right, the sentence is not."""
    return f"<bdi>{escape(name)}</bdi>"


def _wrong(sentence: str) -> str:
    return f'<p class="wrong" role="alert">{escape(sentence)}</p>' if sentence else ""
