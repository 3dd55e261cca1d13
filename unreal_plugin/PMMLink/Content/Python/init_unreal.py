"""The editor runs this file of every enabled plugin when it starts."""

import pmmlink_editor

pmmlink_editor.start()
