## Similarity

similarity-title = Similarity
similarity-find = Find patches like
similarity-not-like = Not like this
similarity-not-like-name = Not like: { $name }
similarity-clear = Clear
similarity-colours = Colours
similarity-cosine = cosine
similarity-range = Range
similarity-auto = Auto
similarity-fixed = Fixed
similarity-colour-map = Colour map
similarity-strength = Strength
similarity-best-matches = Best matches
similarity-outline-top = Outline top
similarity-skip-around = Skip around
similarity-features = Features
similarity-detail = Detail
similarity-layer = Layer
similarity-norm = Norm
similarity-norm-final = Final
similarity-norm-none = None
similarity-patches = { $count ->
        [one] { $count } patch
       *[other] { $count } patches
    }
similarity-hide-pin = Hide
similarity-show-pin = Show
similarity-remove-pin = Remove pin
similarity-no-pins = Click in the picture to pin a patch.
