## Export and clipboard

export-coco = COCO keypoints
export-command-copied = Command copied
export-csv = CSV table
export-figure-title = Export figure
export-keypoints-title = Export keypoints
export-no-command = The command line has no command for this view.
export-nothing = There is nothing to export yet. Wait until the view has its map.
export-npy = NumPy array
export-png = PNG figure
export-read-out-copied = Values under the pointer copied
export-reopened = { $name } opened as the view that it shows
export-safetensors = Safetensors
export-svg = SVG figure
export-values-copied = All values of the view copied
export-values-title = Export values
export-view-copied = View copied as a picture
export-written = Written: { $path }
export-name-taken = { $name } is there already: choose it again to replace it.
