## Norms and clusters

groups-norms = Norms
groups-clusters = Clusters

groups-click = Click a group to see it alone.
groups-cosine = Cosine
groups-difference = Difference
groups-distance = Distance in pixels
groups-length = Length
groups-probability = Probability
groups-group = Group
groups-group-number = Group { $number }
groups-patches = Patches
groups-health = Health of dense features
groups-map = Map
groups-match = Correspondence
groups-no-file = None
groups-numbers = Numbers
groups-pca = Principal components
groups-pictures = { $count ->
    [one] On one picture
   *[other] On { $count } pictures
    }
groups-region = Similarity to a region
groups-settings = Settings
groups-shared-colors = Shared colours
groups-similarity = Similarity to points
groups-token = Class token and registers
groups-transfer = Colour transfer
