## Norms and clusters

groups-norms = Norms
groups-clusters = Clusters
groups-norm = Norm
groups-count = Clusters
groups-seed = Seed
groups-cluster = Cluster { $number }
groups-show-all = Show all
groups-share = { $percent } % of the patches
