## Edits: after "Undo" and "Redo"

edit-add-keypoint = place keypoint
edit-add-pictures = add pictures
edit-add-pin = pin
edit-clear-pins = clear pins
edit-close-view = close view
edit-component = show component
edit-freeze = freeze basis
edit-layer = change layer
edit-link = link view
edit-move-keypoint = move keypoint
edit-move-pin = move pin
edit-name-pin = name pin
edit-open-view = open view
edit-relink = find picture
edit-remove-keypoint = remove keypoint
edit-remove-pin = remove pin
edit-reopen-figure = reopen figure
edit-reset = reset settings
edit-setting = change setting
edit-show-picture = show picture
edit-swap = swap pictures
edit-swipe = move swipe line
edit-toggle-pin = hide or show pin
edit-turn-pin = turn pin
edit-unfreeze = unfreeze basis
edit-use-model = use model
