## Compare models, layers, sizes

compare-title = Compare
compare-columns = Columns
compare-rows = Rows
compare-models = Models
compare-layers = Layers
compare-sizes = Sizes
compare-norms = Norms
compare-show-as = Show as
compare-grid = Grid
compare-swipe = Swipe
compare-blink = Blink
compare-difference = Difference
compare-shared = cosine, shared
compare-numbers = Difference in numbers
compare-correlation = Correlation
compare-hint = Drag the handle to swipe · hold B to blink

compare-add = Add
compare-remove = Remove
compare-against = A against { $b }
compare-all = As set below
compare-common = Top { $count } in common
compare-difference-cells = Difference cells
compare-difference-range = Largest shown
compare-differs = What differs
compare-rise = Largest rise
compare-fall = Largest fall
compare-mean = Mean difference
compare-last-layer = Last layer
compare-layer = Layer { $layer }
compare-norm-final = Final norm
compare-norm-none = No norm
compare-nothing = Nothing
compare-numbers-of = { $b } against A · { $row }
