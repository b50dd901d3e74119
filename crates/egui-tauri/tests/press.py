"""Presses the button of a given name in any window, as a screen reader does: press.py NAME."""

import sys
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi  # noqa: E402


def find(node, name, depth=0):
    """The first button called `name` at or below `node`."""
    if node is None or depth > 12:
        return None
    if node.get_name() == name and node.get_role() == Atspi.Role.PUSH_BUTTON:
        return node
    for index in range(node.get_child_count()):
        found = find(node.get_child_at_index(index), name, depth + 1)
        if found:
            return found
    return None


Atspi.init()
for _ in range(50):
    button = find(Atspi.get_desktop(0), sys.argv[1])
    if button:
        Atspi.Action.do_action(button, 0)
        sys.exit(0)
    time.sleep(0.2)
sys.exit(f"no button {sys.argv[1]!r}")
