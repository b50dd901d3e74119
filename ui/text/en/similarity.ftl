## Similarity

similarity-title = Similarity
similarity-find = Find patches like
similarity-not-like = Not like this
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
similarity-no-pins = Click in the picture to pin a patch.

similarity-like = Find patches like
similarity-combine = Combine by
similarity-mean = Mean
similarity-max = Best of all
similarity-logistic = Learned border
similarity-weight = Not-like weight
similarity-nothing-to-clear = Nothing is pinned yet.
similarity-pin-name = Like this { $number }
similarity-pin-remove = Remove pin
similarity-pin-rename = Name of the pin
similarity-pin-toggle = Hide or show
similarity-pin-turn = Turn like into not like
