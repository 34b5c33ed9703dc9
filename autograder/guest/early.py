"""A kernel that is started before its notebook is there: it imports what most notebooks import, and waits."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from nbclient import NotebookClient
from nbformat import v4

from .client import STARTUP_SECONDS, reachable
from .frames import Pipe
from .things import Thing

_BEGIN = "__import__('sys').modules['autograder_session'].begin()"


def started() -> Thing:
    """The client of a kernel that has answered it; ``TruthfulClient`` takes it over."""
    client = NotebookClient(v4.new_notebook(), kernel_name="python3", startup_timeout=STARTUP_SECONDS)
    client.km = reachable(client.create_kernel_manager())
    client.start_new_kernel()
    client.start_new_kernel_client()
    return client


def received(pipe: Pipe, folder: Path) -> Path:
    """Ask for the late inputs, wait as long as it takes, and lay them out; returns the folder."""
    with zipfile.ZipFile(io.BytesIO(pipe.ask({"kind": "orders?"}))) as archive:
        archive.extractall(folder)
    return folder


def begin(client: Thing) -> None:
    """Tell the kernel that its notebook is there; raises RuntimeError where that is not one for this kernel."""
    sent = client.kc.execute(_BEGIN, silent=True, store_history=False, allow_stdin=False)
    reply = client.wait_for_reply(sent)
    if reply is None or reply["content"]["status"] != "ok":
        raise RuntimeError(f"the notebook needs a kernel of its own: {reply and reply['content'].get('evalue')}")
