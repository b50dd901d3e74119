## Projects

project-recent = Recent projects
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
project-save-words = What you changed since the last save is lost otherwise.
project-keep-editing = Keep editing
recovery-title = Restore your work?
recovery-words = Dinoscope ended without closing these projects. This is how they were when they were last autosaved.
recovery-open = Open
recovery-discard = Discard
recovery-discard-sure = Discard for good
recovery-later = Later
recovery-later-help = They are offered again at the next start.
recovery-never-saved = never saved
recovery-just-now = less than a minute ago
recovery-minutes = { $count ->
    [one] 1 minute ago
   *[other] { $count } minutes ago
}
recovery-hours = { $count ->
    [one] 1 hour ago
   *[other] { $count } hours ago
}
recovery-days = { $count ->
    [one] 1 day ago
   *[other] { $count } days ago
}
link-title = Open what a link names?
link-words = A page or another program asked Dinoscope to open this. Open it only if you expected that.
link-nothing = The link names no file that can be opened.
link-from = The link
link-open = Open
link-ignore = Ignore
missing-title = Missing pictures
missing-words = { $count ->
    [one] 1 picture is no longer where it was. Files are recognized by their content, so a new name does no harm.
   *[other] { $count } pictures are no longer where they were. Files are recognized by their content, so new names do no harm.
}
missing-none = Every picture of this project is there.
missing-looking = Looking for the files of this project
missing-search = Search a folder
missing-search-help = Looks in a folder and all below it for every missing picture.
missing-find-help = Finds { $name }.
job-missing = Looking for missing pictures
about-title = About Dinoscope
about-version = Version { $version }
about-words = Shows what DINOv3 and similar models see in pictures.
about-license = License
about-window = Drawn with
about-device-none = no network was opened yet
about-weights = Weights of models
about-weights-words = No weights of Meta's ship with Dinoscope. Those of DINOv3 are under the DINOv3 License, a contract between you and Meta.
about-fonts = Letters
about-fonts-words = Inter, JetBrains Mono and Noto Sans SC, under the SIL Open Font License.
about-copy = Copy these facts
about-copy-help = Version, system and device, for a report.
