## Canvas: tools, zoom, read-out

canvas-pointer = Pointer
canvas-pin = Pin
canvas-box = Box
canvas-lasso = Lasso
canvas-pan = Pan
canvas-grid = Patch grid
canvas-overlay = Overlay
canvas-zoom-in = Zoom in
canvas-zoom-out = Zoom out
canvas-fit = Fit
canvas-actual-size = 1:1
canvas-overview = Overview
canvas-patch = Patch
canvas-pixel = Pixel
canvas-score = Score
canvas-rank = Rank
canvas-rank-of = { $rank } of { $total }
canvas-best-here = Best here
canvas-link = Link views
canvas-linked = Linked
canvas-split = Split view
canvas-close-tab = Close tab
canvas-same-query = Same query as { $view }
canvas-name = { $picture }, { $view }
canvas-hint = Click to pin · Shift-click for “not like this”
