"""How one enters a class, over a real store: routes, guard and gate as the server has them, without a network."""

import re
from html import escape, unescape
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from streamlit import config

from mnist_lab.classroom import cookies
from mnist_lab.classroom.classroom import Classroom
from mnist_lab.errors import StoreError
from mnist_lab.lab import Lab
from mnist_lab.person import Kind
from mnist_lab.store.store import Store
from mnist_lab.ui import door, guard, session
from tests.builders.asking import HOST, Answer, Asking
from tests.builders.doors import TEACHER, Clock, current, joined, served, taught


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(lab_url: str, store: Store, clock: Clock) -> Starlette:
    return served(clock)


@pytest.fixture
def room(store: Store) -> Classroom:
    """A class that is open."""
    found = Classroom(store)
    found.open(by=TEACHER)
    return found


def member(store: Store, browser: Asking) -> str | None:
    """Who a browser is to the pages, by name."""
    known = cookies.Cookies(store)
    person = known.person(browser.cookies.get(known.name))
    return Classroom(store).name(person) if person.kind is Kind.PUPIL else None


def field(answer: Answer, name: str) -> str:
    """What a field of the page holds."""
    found = re.search(rf'<input [^>]*name="{name}" value="([^"]*)"', answer.text)
    assert found, f"no field {name}"
    return unescape(found[1])


def said(answer: Answer, where: str) -> str:
    """The sentence at a field, which the field names as its description."""
    assert f'id="{where}"' in answer.text
    wired = re.search(
        rf'<input id="{where}"[^>]*aria-describedby="{where}-hint {where}-wrong" aria-invalid="true"', answer.text
    )
    assert wired, answer.text
    found = re.search(rf'<p class="wrong" id="{where}-wrong">(.*?)</p>', answer.text)
    assert found
    return unescape(found[1])


# The teacher's link


def test_the_teachers_link_leads_on_to_a_clean_address_with_the_teachers_cookie(app: Starlette, store: Store) -> None:
    browser = Asking(app)
    token = cookies.choose_token(store)
    answer = browser.get(f"/teach/{token}")
    assert answer.to == (303, "/class")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    known = cookies.Cookies(store)
    assert known.read(browser.cookies[known.name]).is_teacher
    assert token not in "".join(answer.headers.values()) + answer.text


def test_the_link_that_the_server_prints_is_the_one_that_works(
    app: Starlette, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_TEACHER_TOKEN", "a-token-of-my-own")
    links = door.teachers_links()
    assert [link.rpartition("/teach/")[2] for link in links] == ["a-token-of-my-own"] * len(guard.addresses())
    assert all(link.startswith(address) for link, address in zip(links, guard.addresses(), strict=True))
    assert Asking(app).get("/teach/a-token-of-my-own").status == 303


def test_another_token_is_a_sentence(app: Starlette) -> None:
    browser = Asking(app)
    for token in ("x", " ", "..", "\u202e", "\xff", "a" * 5000, "<script>alert(1)<"):
        answer = browser.get(f"/teach/{token}")
        assert answer.status == 403, token
        assert "This is not the teacher's link" in unescape(answer.text)
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "<script" not in answer.text
    assert not browser.cookies


def test_tokens_cannot_be_tried_without_end(app: Starlette, store: Store, room: Classroom, clock: Clock) -> None:
    browser, token = Asking(app), cookies.choose_token(store)
    assert [browser.get(f"/teach/wrong{number}").status for number in range(11)] == [403] * 10 + [429]
    refused = browser.get(f"/teach/{token}")
    assert refused.status == 429
    assert refused.headers["retry-after"] == "60"
    assert "try again in 60 seconds" in refused.text
    assert not browser.cookies
    # Wrong codes are counted apart: pupils behind the teacher's address lock nobody out.
    assert browser.post("/join", code="XXXXXX", name="Ada").status == 400
    clock.now += 60
    assert browser.get(f"/teach/{token}").status == 303


def test_another_token_than_before_makes_teachers_strangers(
    app: Starlette, store: Store, room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = taught(app, store)
    assert browser.get("/").status == 200
    monkeypatch.setenv("MNIST_LAB_TEACHER_TOKEN", "a-token-of-my-own")
    cookies.choose_token(store)
    assert browser.get("/").to == (303, "/join")
    assert "Join the class" in browser.get("/join").text


# The stage's link


def watching(app: Starlette, store: Store) -> Asking:
    """A projector's browser."""
    browser = Asking(app)
    token = Lab(store.url).stage.token(by=TEACHER)
    answer = browser.get(f"/watch/{token}")
    assert answer.to == (303, "/stage")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert token not in "".join(answer.headers.values()) + answer.text
    return browser


def kind(store: Store, browser: Asking) -> Kind:
    known = cookies.Cookies(store)
    return known.person(browser.cookies.get(known.name)).kind


def test_the_stages_link_makes_a_browser_a_looker_on_until_there_is_another_link_or_the_class_has_ended(
    app: Starlette, store: Store, room: Classroom
) -> None:
    first, again = watching(app, store), Asking(served())
    again.cookies = first.cookies
    assert kind(store, first) is kind(store, again) is Kind.LOOKER
    assert first.get("/stage").status == again.get("/stage").status == 200
    assert first.connects()
    Lab(store.url).stage.renew(by=TEACHER)
    assert kind(store, first) is Kind.USER
    assert first.get("/stage").to == (303, "/join")
    assert not first.connects()
    second = watching(app, store)
    room.close(by=TEACHER)
    assert kind(store, second) is Kind.LOOKER, "one still looks"
    room.end(by=TEACHER)
    assert kind(store, second) is Kind.USER
    room.open(by=TEACHER)
    assert kind(store, second) is Kind.USER, "of an earlier class"
    assert second.get("/stage").to == (303, "/join")


def test_who_is_somebody_stays_that_and_is_led_to_the_stage(app: Starlette, store: Store, room: Classroom) -> None:
    token = Lab(store.url).stage.token(by=TEACHER)
    for browser, its in ((taught(app, store), Kind.TEACHER), (joined(app, store, "Ada"), Kind.PUPIL)):
        assert browser.get(f"/watch/{token}").to == (303, "/stage")
        assert browser.get("/watch/nonsense").to == (303, "/stage")
        assert kind(store, browser) is its


def test_a_projectors_browser_may_become_a_pupils(app: Starlette, store: Store, room: Classroom) -> None:
    browser = watching(app, store)
    assert "Join the class" in browser.get("/join").text
    assert browser.post("/join", code=current(store).code, name="Ada").to == (303, "/")
    assert kind(store, browser) is Kind.PUPIL


def test_tokens_of_a_stage_cannot_be_tried_without_end_and_lock_no_teacher_out(
    app: Starlette, store: Store, room: Classroom
) -> None:
    browser, token = Asking(app), Lab(store.url).stage.token(by=TEACHER)
    answers = [browser.get(f"/watch/{wrong}") for wrong in ("x", "..", "\xff", "a" * 5000, *"1234567")]
    assert [answer.status for answer in answers] == [403] * 10 + [429]
    assert "This is not the link to the class's stage" in unescape(answers[0].text)
    assert browser.get(f"/watch/{token}").status == 429
    assert not browser.cookies
    assert browser.get(f"/teach/{cookies.choose_token(store)}").to == (303, "/class")


def test_without_a_class_no_link_is_a_stages(app: Starlette, store: Store) -> None:
    assert Asking(app).get("/watch/x").status == 403


# Joining


def test_a_pupil_joins_by_code_and_name_and_is_who_they_were(app: Starlette, store: Store, room: Classroom) -> None:
    browser = Asking(app)
    assert browser.get("/train").to == (303, "/join")
    form = browser.get("/join")
    assert form.status == 200
    assert field(form, "code") == field(form, "name") == ""
    assert browser.post("/join", code=current(store).code, name="Ada").to == (303, "/")
    assert member(store, browser) == "Ada"
    assert browser.get("/train").status == 200
    assert "You are <bdi>Ada</bdi>" in browser.get("/join").text
    after_restart = Asking(served(), cookies=browser.cookies)
    assert after_restart.get("/train").status == 200
    assert [each.name for each in room.members(by=TEACHER)] == ["Ada"]


def test_the_code_of_the_qr_code_stands_in_the_field(app: Starlette, room: Classroom) -> None:
    browser = Asking(app)
    assert field(browser.get("/join?code=CDF347"), "code") == "CDF347"
    text = '"><script>alert(1)</script>'
    evil = browser.get(f"/join?code={quote(text)}")
    assert "<script" not in evil.text
    assert field(evil, "code") == text[:20]


def test_a_code_may_be_typed_as_one_likes(app: Starlette, store: Store, room: Classroom) -> None:
    code = current(store).code
    lower, half = code.lower(), code[:3]
    for typed in (code, f" {code} ", lower, f"{lower}\t", f"{half} {code[3:]}", f"{half}-{lower[3:]}"):
        assert Asking(app).post("/join", code=typed, name=f"Ada {len(room.members(by=TEACHER))}").status == 303, typed


def test_a_name_is_text_and_shown_as_text(app: Starlette, store: Store, room: Classroom) -> None:
    kept = {"Ada": "Ada", "  Ada   L  ": "Ada L", "x" * 40: "x" * 40, "é" * 40: "é" * 40}
    for name in ("<b>Bob</b> & \"C\" 'D'", "عائشة", "Zoë 🦊", "{0} %s \\", "</title><script>x</script>"):
        kept[name] = name
    for name, shown in kept.items():
        browser = joined(app, store, name)
        assert member(store, browser) == shown
        assert f"<h1>You are <bdi>{escape(shown)}</bdi></h1>" in browser.get("/join").text
        taken = Asking(app).post("/join", code=current(store).code, name=name)
        assert taken.status == 409
        assert field(taken, "name") == shown
        assert not re.search("<b>|<script", browser.get("/join").text + taken.text)


def test_a_name_that_cannot_be_seen_is_a_sentence_at_its_field(app: Starlette, store: Store, room: Classroom) -> None:
    browser, code = Asking(app), current(store).code
    names = ["", "   ", "x" * 41, "A\u200bda", "Ada\u202e", "\u2066Ada", "A\x00da", "Ada\nBob", "\u3164", "\u0301"]
    for name in names:
        answer = browser.post("/join", code=code, name=name)
        assert answer.status == 400, ascii(name)
        assert said(answer, "name").startswith("Name: should")
        assert (field(answer, "code"), field(answer, "name")) == (code, name)
        assert "<title>Error: " in answer.text
    assert not browser.cookies
    assert not room.members(by=TEACHER)


def test_what_was_typed_stays_where_something_is_wrong(app: Starlette, room: Classroom) -> None:
    answer = Asking(app).post("/join", code="<i>no</i>", name='<img src=x onerror="x">')
    assert answer.status == 400
    assert said(answer, "code").startswith("Code: this is not the code")
    assert field(answer, "code") == "<i>no</i>"
    assert field(answer, "name") == '<img src=x onerror="x">'
    assert "<i>" not in answer.text
    assert "<img src=x" not in answer.text
    assert said(Asking(app).post("/join", name="Ada"), "code").startswith("Code: type")


def test_codes_cannot_be_tried_without_end(app: Starlette, store: Store, room: Classroom, clock: Clock) -> None:
    browser, code = Asking(app), current(store).code
    assert [browser.post("/join", code=f"WRONG{n}", name="Ada").status for n in range(12)] == [400] * 10 + [429] * 2
    clock.now += 20
    refused = browser.post("/join", code=code, name="Ada")
    assert refused.status == 429
    assert refused.headers["retry-after"] == "40"
    assert "try again in 40 seconds" in said(refused, "code")
    assert (field(refused, "code"), field(refused, "name")) == (code, "Ada")
    assert browser.post("/join", code=code, name="Ada", asks="1").status == 429
    assert not room.members(by=TEACHER)
    assert Asking(app, address="192.168.1.51").post("/join", code=code, name="Bob").status == 303
    clock.now += 40
    assert browser.post("/join", code=code, name="Ada").status == 303


def test_a_form_that_is_sent_twice_joins_once(app: Starlette, store: Store, room: Classroom) -> None:
    """The browser drops the answer to an impatient first click."""
    browser, code = Asking(app), current(store).code
    visit = field(browser.get("/join"), "visit")
    for _ in range(2):
        browser.cookies.clear()
        assert browser.post("/join", code=code, name="Ada", visit=visit).to == (303, "/")
        assert member(store, browser) == "Ada"
    other = Asking(app)
    assert other.post("/join", code=code, name="Ada", visit=field(other.get("/join"), "visit")).status == 409
    for made_up in ("", "x", visit[:-1], visit + "0", "x" * 10_000):
        assert other.post("/join", code=code, name="Ada", visit=made_up).status in (409, 413)
    assert Asking(app).post("/join", code="WRONG1", name="Ada", visit=visit).status == 400
    assert len(room.members(by=TEACHER)) == 1


def test_a_name_that_is_taken_is_asked_for(app: Starlette, store: Store, room: Classroom) -> None:
    first, other, code = joined(app, store, "Ada"), Asking(app), current(store).code
    taken = other.post("/join", code=code, name="ada")
    assert taken.status == 409
    assert "already" in said(taken, "name")
    assert "Ask the teacher to let me in as <bdi>ada</bdi>" in taken.text
    assert other.post("/join", code=code, name="ada", asks="1").to == (303, "/join/wait")
    assert other.get("/").to == (303, "/join")
    assert other.get("/join").to == (303, "/join/wait")
    waits = other.get("/join/wait")
    assert waits.status == 200
    assert waits.headers["refresh"] == "3"
    ((token, name),) = room.asking(by=TEACHER)
    assert name == "Ada"
    room.answer(token, admit=True, by=TEACHER)
    assert other.get("/join/wait").to == (303, "/")
    assert other.get("/train").status == 200
    assert member(store, other) == member(store, first) == "Ada"


def test_whoever_is_turned_away_chooses_another_name(app: Starlette, store: Store, room: Classroom) -> None:
    joined(app, store, "Ada")
    other, code = Asking(app), current(store).code
    assert other.post("/join", code=code, name="Ada", asks="1").status == 303
    room.answer(room.asking(by=TEACHER)[0][0], admit=False, by=TEACHER)
    told = other.get("/join/wait")
    assert "has not let you in" in told.text
    assert field(told, "name") == ""
    assert not other.cookies
    assert other.get("/join/wait").to == (303, "/join")
    assert other.post("/join", code=code, name="Bob").status == 303


def test_whoever_waits_may_choose_another_name(app: Starlette, store: Store, room: Classroom) -> None:
    joined(app, store, "Ada")
    other, code = Asking(app), current(store).code
    other.post("/join", code=code, name="Ada", asks="1")
    assert other.post("/leave").to == (303, "/join")
    assert other.get("/join").status == 200
    assert other.post("/join", code=code, name="Bob").to == (303, "/")


def test_a_name_that_nobody_has_any_more_need_not_be_asked_for(app: Starlette, store: Store, room: Classroom) -> None:
    browser = Asking(app)
    assert browser.post("/join", code=current(store).code, name="Ada", asks="1").to == (303, "/")
    assert member(store, browser) == "Ada"
    assert Asking(app).post("/join", code="WRONG1", name="Ada", asks="1").status == 400


def test_who_waits_in_a_class_that_has_ended_waits_no_longer(app: Starlette, store: Store, room: Classroom) -> None:
    for admit in (False, True):
        joined(app, store, "Ada")
        other = Asking(app)
        other.post("/join", code=current(store).code, name="Ada", asks="1")
        if admit:
            room.answer(room.asking(by=TEACHER)[0][0], admit=True, by=TEACHER)
        room.end(by=TEACHER)
        room.open(by=TEACHER)
        assert "Join the class" in other.get("/join/wait").text
        assert not other.cookies


def test_the_full_class_is_a_sentence(
    app: Starlette, store: Store, room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_lab.store.people.MOST", 1)
    joined(app, store, "Ada")
    answer = Asking(app).post("/join", code=current(store).code, name="Bob")
    assert answer.status == 409
    assert "it is full" in answer.text
    assert field(answer, "name") == "Bob"


# Who is in, and leaves


def test_whoever_is_in_is_told_who_they_are_and_may_leave(app: Starlette, store: Store, room: Classroom) -> None:
    pupil, teacher = joined(app, store, "Ada"), taught(app, store)
    code = current(store).code
    assert "You are <bdi>Ada</bdi>" in pupil.get("/join").text
    assert "You are the teacher" in teacher.get("/join").text
    for browser in (pupil, teacher):
        assert 'action="/leave"' in browser.get("/join").text
        assert browser.post("/join", code=code, name="Bob").to == (303, "/join"), "and joins as nobody else"
        left = browser.post("/leave")
        assert left.to == (303, "/join")
        assert not browser.cookies
        assert browser.get("/").to == (303, "/join")
    assert [each.name for each in room.members(by=TEACHER)] == ["Ada"]


def test_whoever_was_removed_is_a_stranger_and_may_join_again(app: Starlette, store: Store, room: Classroom) -> None:
    browser = joined(app, store, "Ada")
    (one,) = room.members(by=TEACHER)
    room.remove(one.key, by=TEACHER)
    assert browser.get("/train").to == (303, "/join")
    assert "You are not in the class any more" in browser.get("/join").text
    assert browser.post("/join", code=current(store).code, name="Ada").to == (303, "/")
    assert room.members(by=TEACHER)[0].key != one.key


def test_without_a_class_nobody_is_asked_for_a_name(app: Starlette, store: Store) -> None:
    browser = Asking(app)
    for answer in (browser.get("/join"), browser.post("/join", code="CDF347", name="Ada")):
        assert "No class is open here" in answer.text
        assert 'name="name"' not in answer.text
        assert 'href="/"' in answer.text
    assert answer.status == 409
    assert browser.get("/join/wait").to == (303, "/join")
    assert browser.post("/leave").to == (303, "/join")


def test_a_closed_class_cannot_be_joined(app: Starlette, store: Store, room: Classroom) -> None:
    pupil, code = joined(app, store, "Ada"), current(store).code
    room.close(by=TEACHER)
    stranger = Asking(app)
    for answer in (stranger.get("/join"), stranger.post("/join", code=code, name="Bob")):
        assert "<h1>The class is closed</h1>" in answer.text
        assert 'name="name"' not in answer.text
    assert answer.status == 409
    assert stranger.post("/join", code=code, name="Ada", asks="1").status == 409
    assert pupil.get("/train").status == 200
    room.reopen(by=TEACHER)
    assert stranger.post("/join", code=code, name="Bob").status == 303


# What browsers are told to do with the cookie, and what is refused


def test_the_cookie_is_for_this_server_alone(app: Starlette, store: Store, room: Classroom) -> None:
    for scheme, more in (("http", set()), ("https", {"secure"})):
        for answer in (
            Asking(app, scheme=scheme).post("/join", code=current(store).code, name=f"Ada {scheme}"),
            Asking(app, scheme=scheme).get(f"/teach/{cookies.choose_token(store)}"),
        ):
            name, *attributes = answer.headers["set-cookie"].lower().split("; ")
            assert name.startswith(f"{cookies.Cookies(store).name}=".lower())
            assert set(attributes) == {"httponly", "samesite=lax", "path=/", f"max-age={180 * 86_400}"} | more
            assert answer.headers["cache-control"] == "no-store"


def test_below_another_path_everything_stays_there(lab_url: str, store: Store, room: Classroom) -> None:
    before = config.get_option("server.baseUrlPath")
    config.set_option("server.baseUrlPath", "/lab/")
    try:
        app = served()
        browser, code = Asking(app), current(store).code
        assert browser.get("/lab/train").to == browser.get("/lab/nothing").to == (303, "/lab/join")
        assert 'action="/lab/join"' in browser.get("/lab/join").text
        answer = browser.post("/lab/join", code=code, name="Ada")
        assert answer.to == (303, "/lab/")
        assert "Path=/lab;" in answer.headers["set-cookie"]
        page = browser.get("/lab/join").text
        assert not re.findall(r'(?:href|src|action)="(?!/lab/)', page)
        left = browser.post("/lab/leave")
        assert left.to == (303, "/lab/join")
        assert "Path=/lab;" in left.headers["set-cookie"]
        assert browser.get(f"/lab/teach/{cookies.choose_token(store)}").to == (303, "/lab/class")
        assert door.teachers_links()[0].endswith(f"/lab/teach/{cookies.choose_token(store)}")
    finally:
        config.set_option("server.baseUrlPath", before)


def test_a_form_of_another_site_is_refused(app: Starlette, store: Store, room: Classroom) -> None:
    pupil, form = joined(app, store, "Ada"), f"code={current(store).code}&name=Bob".encode()
    for origin in (None, "null", "http://evil.example", "http://192.168.1.20:3000", f"http://{HOST}.evil"):
        headers = {} if origin is None else {"origin": origin}
        for browser, path in ((Asking(app), "/join"), (pupil, "/leave")):
            answer = browser.ask("POST", path, headers, form)
            assert answer.status == 403, origin
            assert "set-cookie" not in answer.headers
    assert member(store, pupil) == "Ada"
    assert len(room.members(by=TEACHER)) == 1


def test_nothing_that_is_sent_leads_elsewhere(app: Starlette, store: Store, room: Classroom) -> None:
    evil = "//evil.example"
    query = "&".join(f"{name}={quote(evil, '')}" for name in ("next", "to", "url", "code", "redirect"))
    asked = [
        Asking(app).get(f"/train?{query}", referer=f"http:{evil}", x_forwarded_host="evil.example"),
        Asking(app).get(f"{evil}/..", referer=f"http:{evil}"),
        Asking(app).get(f"/teach/{cookies.choose_token(store)}?{query}"),
        Asking(app).post(f"/join?{query}", code=current(store).code, name="Ada", next=evil, to=evil),
        Asking(app).post(f"/leave?{query}", next=evil),
    ]
    assert [answer.to for answer in asked] == [(303, to) for to in ("/join", "/join", "/class", "/", "/join")]
    assert "evil" not in Asking(app).get(f"/join?next={evil}").text


def test_what_is_sent_is_short(app: Starlette, room: Classroom) -> None:
    browser = Asking(app)
    assert browser.post("/join", code="x", name="x" * 20_000).status == 413
    for body in (b"", b"\xff\xfe=\x00&&&===", b"code", b"code=%ff&name=%00", b"code=1&code=2&name=a&name=b"):
        answer = browser.ask("POST", "/join", {"origin": f"http://{HOST}"}, body)
        assert answer.status == 400, body
    assert not room.members(by=TEACHER)


def test_a_store_that_cannot_be_used_is_a_sentence(
    lab_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "no.db").write_text("this is no database, " * 1000)
    monkeypatch.setenv("MNIST_LAB_DATABASE_URL", f"sqlite:///{tmp_path / 'no.db'}")
    browser = Asking(served())
    for answer in (
        browser.get("/join"),
        browser.get("/join/wait"),
        browser.get("/teach/a-token-of-mine"),
        browser.post("/join", code="CDF347", name="Ada"),
        browser.post("/leave"),
    ):
        assert answer.status == 503
        assert "cannot be used" in answer.text
        assert "Traceback" not in answer.text
    with pytest.raises(StoreError):
        door.teachers_links()


def test_no_page_has_a_script_and_each_has_what_who_cannot_see_needs(
    app: Starlette, store: Store, room: Classroom
) -> None:
    pupil, code = joined(app, store, "Ada"), current(store).code
    asking = Asking(app)
    asking.post("/join", code=code, name="Ada", asks="1")
    answers = [
        Asking(app).get("/join"),
        Asking(app).post("/join", code=code, name="Ada"),
        Asking(app).get("/teach/x"),
        pupil.get("/join"),
        taught(app, store).get("/join"),
        asking.get("/join/wait"),
    ]
    for answer in answers:
        assert "<script" not in answer.text
        assert '<html lang="en">' in answer.text
        assert answer.text.count("<h1>") == answer.text.count("<main>") == 1
        assert 'name="viewport"' in answer.text
        assert "prefers-color-scheme: dark" in answer.text
        assert answer.headers["cache-control"] == "no-store"
        labelled = re.findall(r'<label for="(\w+)"', answer.text)
        assert labelled == re.findall(r'<input id="(\w+)"', answer.text)
        assert len(answer.text) < 10_000, "for a slow network"


def test_requests_at_once_make_one_member_of_a_name(app: Starlette, store: Store, room: Classroom) -> None:
    from concurrent.futures import ThreadPoolExecutor

    code = current(store).code
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: Asking(app).post("/join", code=code, name="Ada").status, range(8)))
    assert sorted(answers) == [303] + [409] * 7
    assert session.lab().classroom.is_open()
