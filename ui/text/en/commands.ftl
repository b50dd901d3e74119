## Commands: the palette and the key sheet

commands-title = Commands
commands-shortcuts = Shortcuts
commands-open-pictures = Open pictures
commands-open-folder = Open folder
commands-save = Save
commands-save-as = Save as
commands-undo = Undo
commands-redo = Redo
commands-paste = Paste picture
commands-copy-view = Copy view
commands-copy-values = Copy values
commands-copy-command = Copy as command line
commands-export = Export figure
commands-settings = Settings
commands-new-view = New view
commands-close-tab = Close tab
commands-split = Split view
commands-next-tab = Next tab
commands-library = Library
commands-inspector = Inspector
commands-job-tray = Job tray
commands-full-screen = Full screen
commands-text-larger = Larger text
commands-text-smaller = Smaller text
