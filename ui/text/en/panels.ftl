## Panels: top bar, tabs, library, tray, status line

top-undo = Undo: { $what }
top-redo = Redo: { $what }
top-nothing-to-undo = Nothing to undo yet.
top-nothing-to-redo = Nothing to redo.
top-saving = saving
top-file = File
top-edit = Edit
top-view = View
top-canvas = Picture
top-go = Go

tiles-new-view = New view
tiles-close = Close { $name }
tiles-close-others = Close other tabs
tiles-duplicate = Duplicate
tiles-split-right = Split to the right
tiles-split-below = Split below
tiles-split-help = Shows the same picture again beside it.
tiles-link-help = Linked views share pointer, pins and settings.
tiles-matches-with = Matches with…
tiles-drop-here = Show here
tiles-drop-beside = New pane

library-order-added = In the order of opening
library-order-name = By name
library-show-folders = Show folders
library-unfold-all = Unfold all
library-mark-all = Mark all
library-single = Single pictures
library-clear-search = Clear the search
library-picture-help = Click to look, double-click to open beside, drag into a view.
library-look = Look at
library-beside = Open beside
library-open-as = Open as
library-match = Match with the active picture
library-compare = Compare models and layers
library-copy-path = Copy path
library-remove-marked = Remove the marked ones from the library

jobs-waiting = waits for its turn
jobs-running = running for { $time }
jobs-pausing = pauses at the next step
jobs-paused = paused
jobs-stopping = stopping
jobs-others = { $count ->
        [one] 1 more
       *[other] { $count } more
    }
jobs-seconds = { $count } s
jobs-minutes = { $count } min
jobs-hours = { $hours } h { $minutes } min

status-untrained = untrained
status-failed = cannot be used
status-not-loaded = not loaded
status-not-started = not started yet
status-model-help = The model of this view. Click to see all models.
status-networks-on = Networks run on: { $device }
status-maps-on = Maps are drawn on: { $device }
status-times-help = Time of the last network run, of the last map, and of the window’s own code in the last frame.
status-cache-help = Features kept in memory, of what they may take. Older ones come back from disk.
status-memory = Main memory of this computer: { $size }
status-memory-help = Main memory that this program takes now, model files that are open included.
status-hint-pan = Drag to move the picture · V for the pointer
status-hint-box = Drag a box to pin all of its patches · Shift for “not like this”
status-hint-lasso = Draw around a part to pin its patches · Shift for “not like this”
status-hint-analysis = Hover to read values · settings at the right

compare-empty = Compare layers, models, sizes or norms on one picture.
compare-begin = Compare layers
models-built-in-name = Built-in model

edit-remove-pictures = remove pictures
