## Projects

project-open = Open project
project-new = New project
project-recent = Recent projects
project-restored = Restored from the last autosave.
project-save-changes = Save the changes to "{ $name }"?
project-dont-save = Don't save

project-file-kind = Dinoscope project
project-link-bad = This link names nothing that Dinoscope opens.
project-link-long = This link is too long to be opened.
project-missing-count = { $count ->
    [one] One picture is not where it was.
   *[other] { $count } pictures are not where they were.
    }
project-newer = This project was saved by version { $version }. What only that version knows is lost if it is saved here.
project-relinked = Found { $found } of { $wanted }.
project-save-cancelled = Not saved: saving was stopped. The old file is whole.
project-save-failed = Not saved, the old file is whole: { $reason }
project-save-title = Save the project
project-saved = Saved
project-unsaved-first = Save or discard this project first.
