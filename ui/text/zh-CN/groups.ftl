## Norms and clusters

groups-norms = 范数
groups-clusters = 聚类

groups-click = 点击一个组可单独查看。
groups-cosine = 余弦
groups-difference = 差异
groups-distance = 像素距离
groups-length = 长度
groups-probability = 概率
groups-group = 组
groups-group-number = 第 { $number } 组
groups-patches = 图块
groups-health = 稠密特征健康度
groups-map = 图
groups-match = 对应
groups-no-file = 无
groups-numbers = 数值
groups-pca = 主成分
groups-pictures = 针对 { $count } 张图片
groups-region = 与区域的相似度
groups-settings = 设置
groups-shared-colors = 共享颜色
groups-similarity = 与点的相似度
groups-token = 类别与寄存器标记
groups-transfer = 颜色迁移
