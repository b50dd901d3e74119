## Library of pictures

library-pictures = Pictures
library-open = Open pictures
library-open-folder = Open folder
library-options = Sort and filter
library-search = Name, folder or tag
library-samples = Samples
library-empty = No pictures yet. Open some, or drop them here.
library-find-file = Find…
library-remove = Remove from the library
library-show-in-folder = Show in its folder
library-progress = { $done } / { $total }

library-folder-added = { $name }: { $count } pictures
library-folder-empty = { $name } has no pictures.
library-folder-troubles = { $name }: { $count } pictures, { $unreadable } files could not be read
library-picture-kind = Pictures
