#!/usr/bin/python3
"""Shows a window that a file can be dragged from, as a file manager does. Writes
a line to the descriptor 3 when it is there, and when a drag is where the file can
be dropped. What it imports comes with virt-manager and with libgtk-4-dev.

usage: drag.py FILE
"""

import os
import sys

import gi

gi.require_version("Gdk", "4.0")
gi.require_version("Gtk", "4.0")
from gi.repository import Gdk, Gio, GLib, Gtk

if not Gtk.init_check():
    sys.exit("there is no display")
files = Gdk.FileList.new_from_list([Gio.File.new_for_path(sys.argv[1])])
source = Gtk.DragSource()
source.connect("prepare", lambda *_: Gdk.ContentProvider.new_for_value(files))


def begin(_, drag):
    drag.connect("notify::selected-action", lambda *_: drag.get_selected_action() and os.write(3, b"accepted\n"))


source.connect("drag-begin", begin)


def shown(window):
    """Tells when the window can be used: when it has been painted once."""

    def painted(clock):
        clock.disconnect(handler)
        os.write(3, b"shown\n")

    handler = window.get_frame_clock().connect("after-paint", painted)


label = Gtk.Label(label="A File")
label.add_controller(source)
window = Gtk.Window(title="Files", child=label, decorated=False, default_width=120, default_height=80)
window.connect("map", shown)
window.present()
GLib.MainLoop().run()
