"""The few plain pages around the two Gradio ones: sign in, open a link, and "not for you". No scripts."""

from __future__ import annotations

from html import escape
from string import Template

PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$title · Rateloop</title>
<link rel="icon" href="$root/static/mark.svg" type="image/svg+xml">
<link rel="stylesheet" href="$root/static/base.css">
</head>
<body class="rl-plain">
<main class="rl-panel">
<div class="rl-brand"><img src="$root/static/mark.svg" alt="" width="22" height="22">Rateloop</div>
<h1>$title</h1>
$body
</main>
</body>
</html>
""")


def page(root: str, title: str, body: str) -> str:
    """`root`: the path under which people reach the server."""
    return PAGE.substitute(root=escape(root), title=escape(title), body=body)


def sign_in(root: str) -> str:
    return page(
        root,
        "Open your invite link",
        "<p>Rateloop has no passwords. The person who runs it has sent you a personal link: "
        "open it on this device and you are in.</p>"
        "<p class='rl-quiet'>Running it yourself? The link to the operator console is printed where "
        "the server was started; <code>python -m app link</code> prints a new one.</p>",
    )


def join(root: str, name: str | None) -> str:
    """Asks before it redeems: programs that only look at a link (previews, scanners) must not use it up."""
    known = (
        f"<p class='rl-quiet'>You are signed in as {escape(name)}; this signs you in anew.</p>"
        if name
        else ""
    )
    return page(
        root,
        "Welcome",
        "<p>This link lets you into Rateloop, where people read what a language model writes and say how good "
        "it is, and the model learns from that.</p>"
        f"{known}<form method='post'><button class='rl-button rl-primary' autofocus>Continue</button></form>"
        "<p class='rl-quiet'>This keeps one cookie on this device so that it knows you next time.</p>",
    )


def join_failed(root: str, sentence: str) -> str:
    return page(
        root,
        "This link does not work",
        f"<p>{escape(sentence)}</p><p class='rl-quiet'>Ask the person who sent it for a new one. "
        "Running it yourself? <code>python -m app link</code> prints one.</p>",
    )


def unavailable(root: str, sentence: str) -> str:
    return page(
        root,
        "Just a moment",
        f"<p>{escape(sentence)}</p><p class='rl-quiet'>Nothing you saved is lost: load this page again, or open your "
        "link again.</p>",
    )


def refused(root: str, sentence: str, advice: str) -> str:
    """A form whose request was not let through; the advice is for whoever runs the server."""
    return page(
        root,
        "This request was refused",
        f"<p>{escape(sentence)}</p><p class='rl-quiet'>{escape(advice)}</p>"
        f"<p><a class='rl-button rl-primary' href='{escape(root)}/'>Go to the start</a></p>",
    )


def signed_out(root: str, secret: str | None) -> str:
    """`secret`: with it, somebody who was signed in can end their other sessions."""
    everywhere = (
        f"<form method='post' action='{escape(root)}/sign-out/{escape(secret)}'>"
        "<button class='rl-button'>Sign out on all devices</button></form>"
        if secret
        else ""
    )
    return page(
        root,
        "Signed out",
        f"<p>To come back, open your invite link again. Everything you rated is kept.</p>{everywhere}",
    )


def signed_out_everywhere(root: str) -> str:
    return page(
        root,
        "Signed out on all devices",
        "<p>To come back, open your invite link again. Does somebody else have it? Ask for a new one: "
        "then the old one works no more.</p>",
    )


def operators_only(root: str, name: str) -> str:
    return page(
        root,
        "This page is for operators",
        f"<p>You are signed in as {escape(name)}, a rater.</p>"
        f"<p><a class='rl-button rl-primary' href='{escape(root)}/rate/'>Go to rating</a></p>",
    )
