## Projects

project-open = Open project
project-new = New project
project-recent = Recent projects
project-restored = Restored from the last autosave.
project-save-changes = Save the changes to "{ $name }"?
project-dont-save = Don't save
