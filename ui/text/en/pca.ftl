## Parts: principal components

pca-title = Parts (PCA)
pca-basis = Basis
pca-frozen = Frozen
pca-freeze = Freeze
pca-component = Component { $number }
pca-swap = Swap with the next
pca-flip = Flip the sign
pca-next-three = Next three
pca-align-signs = Align signs
pca-foreground = Foreground
pca-threshold = Threshold
pca-outside = Outside
pca-dim = Dim
pca-hide = Hide
pca-show = Show
pca-kept = Kept: { $kept } of { $total } patches
pca-one-at-a-time = One at a time
pca-one-at-a-time-help = Components on picture { $view }. Click to put one on a colour.
pca-hovered = Hovered patch on the first components
pca-hint = Hover to see patches of like colour · Shift 1 2 3 show one component

pca-align = Align signs
pca-alike = Patches of like colour
pca-alike-counts = { $here } here, { $elsewhere } elsewhere
pca-alike-range = Like within
pca-basis-kind = PCA basis
pca-red = Red
pca-green = Green
pca-blue = Blue
pca-component-tip = Show this component alone, in grey
pca-components = Components { $numbers }
pca-foreground-on = Foreground only
pca-frozen-from = { $name }, from { $count } pictures
pca-load-title = Use a saved basis
pca-save-title = Save the basis
pca-other-side = Flip
pca-shown-explain = The three shown explain
pca-these = { $count ->
    [one] This picture
   *[other] These { $count } pictures
    }
pca-variance = Explained variance
