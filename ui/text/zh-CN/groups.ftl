## Norms and clusters

groups-norms = 范数
groups-clusters = 聚类
groups-norm = 范数
groups-count = 聚类数
groups-seed = 随机种子
groups-cluster = 聚类 { $number }
groups-show-all = 全部显示
groups-share = 图块的 { $percent } %
