"""Addresses of links: the host that they lead to stands first and whole."""

from __future__ import annotations

import pytest

from autograder.feedback import address

LONG = "a" * 200


@pytest.mark.parametrize(
    "target",
    [
        "https://keras.io",
        "HTTPS://keras.io:8080/api/?a@b#c@d",
        "http://my_site.example?x",
        "http://[::1]:80/",
        "https://xn--va-9ia.example/",
        "mailto:teacher@univ.example?subject=x",
    ],
)
def test_an_honest_address_is_a_link_and_shown_as_it_is(target: str) -> None:
    assert address.leads(target)
    assert address.shown(target) == target


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        (f"https://moodle.example&{LONG}@evil.example/", "https://…@evil.example/"),
        (f"https://moodle.example:8{LONG}@evil.example/", "https://…@evil.example/"),
        ("https://a@b@evil.example", "https://…@evil.example"),
        ("https:/\\good.example@evil.example", "https:/\\…@evil.example"),
        ("https:evil.example", "https:evil.example"),
        ("https:///evil.example/", "https:///evil.example/"),
        ("https://good%2eexample/", "https://good%2eexample/"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("../feedback.html", "../feedback.html"),
        ("", ""),
    ],
)
def test_what_could_pass_for_another_host_is_no_link(target: str, shown: str) -> None:
    assert not address.leads(target)
    assert address.shown(target) == shown


def test_a_host_is_never_cut_and_a_path_is() -> None:
    host = "https://moodle.example." + "a." * 100 + "evil.example"
    assert address.leads(host + "/" + LONG)
    assert address.shown(host + "/" + LONG) == host + "/" + "a" * (address.LONGEST - 1) + "…"
    assert not address.leads("https://" + "a." * 200 + "evil.example/"), "longer than any host"
    assert not address.leads("mailto:" + "a" * 400 + "@evil.example")
