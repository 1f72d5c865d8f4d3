"""The rating screen in a frame: of a page of the named site it works, of any other it is not shown."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser

from tests import fake_worker
from tests.app.helpers import serving, wait_until
from tests.app.relay import relaying

pytestmark = pytest.mark.browser


@contextmanager
def page_with_a_frame(address: str) -> Iterator[str]:
    """The address of a page of another site that shows `address` in a frame."""

    class Portal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<iframe src="{address}" width="800" height="700"></iframe>'.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_rater_rates_in_a_frame_of_the_named_site(browser: Browser, tmp_path) -> None:
    with (
        page_with_a_frame("about:blank") as portal,
        serving(tmp_path, proxy="127.0.0.1", frame_parent=portal) as live,
    ):
        fake_worker.generate(live.store, {"quota": 8})
        ann = live.store.add_user("ann", "rater")
        # people come by HTTPS: the proxy says so, and the browser takes secure cookies of localhost
        with relaying(live.url, adds={"X-Forwarded-Proto": "https"}) as relay:
            frame_url = live.link(ann).replace(live.url, relay.url.replace("127.0.0.1", "localhost"))
            page = browser.new_context().new_page()
            page.goto(portal)
            page.evaluate("url => { document.querySelector('iframe').src = url }", frame_url)
            frame = page.frame_locator("iframe")
            frame.get_by_role("button", name="Continue").click()
            frame.locator("[data-part=text]").wait_for()
            frame.locator("[data-score='7']").click()
            wait_until(lambda: live.store.round_progress().ratings == 1, "the rating")
            page.context.close()


def test_other_sites_show_nothing(browser: Browser, tmp_path) -> None:
    with serving(tmp_path, frame_parent="https://lab.example") as live:
        sign_in = f"{live.url.replace('127.0.0.1', 'localhost')}/sign-in"
        with page_with_a_frame(sign_in) as portal:
            page = browser.new_context().new_page()
            told: list[str] = []
            page.on("console", lambda message: told.append(message.text))
            page.goto(portal)
            wait_until(lambda: any("frame-ancestors" in text for text in told), "the browser's refusal")
            assert page.frame_locator("iframe").get_by_text("Rateloop").count() == 0
            page.context.close()
