## Names, sentences and numbers of the analyses. English is the engine's own text; the window looks here first.

analyses-similarity-about = 每个图块与第一张图片中若干点所在图块的相似程度。
analyses-similarity-at = 正例点
analyses-similarity-at-help = 要查找的点。
analyses-similarity-not = 反例点
analyses-similarity-not-help = 要避开的点。
analyses-similarity-negative_weight = 反例权重
analyses-similarity-negative_weight-help = 要避开的点的权重。
analyses-similarity-combine = 合并方式
analyses-similarity-combine-help = 多个点如何合成一个数。
analyses-similarity-regularization = 正则强度
analyses-similarity-regularization-help = 逻辑回归受约束的强度。
analyses-similarity-exclude_radius = 排除半径
analyses-similarity-exclude_radius-help = 排除距离点这么近的图块，以图块为单位。
analyses-similarity-top = 标出数量
analyses-similarity-top-help = 标出多少个最佳图块。

analyses-region-about = 每个图块与第一张图片中方框、套索或蒙版内图块的相似程度。
analyses-region-points = 顶点
analyses-region-points-help = 方框的两个角，或套索的三个及以上顶点。
analyses-region-mask = 蒙版
analyses-region-mask-help = 以亮度表示区域的图片；优先于顶点。
analyses-region-exclude = 排除区域
analyses-region-exclude-help = 不计入区域本身的图块。
analyses-region-top = 标出数量
analyses-region-top-help = 标出多少个最佳图块。

analyses-token-about = 每个图块与类别标记或寄存器的相似程度。
analyses-token-token = 标记
analyses-token-token-help = 类别标记或寄存器。
analyses-token-register = 寄存器
analyses-token-register-help = 第几个寄存器，从 0 开始。
analyses-token-first = 用第一张
analyses-token-first-help = 对所有图片都用第一张图片的标记，而不是各自的标记。
analyses-token-top = 标出数量
analyses-token-top-help = 标出多少个最佳图块。

analyses-pca-about = 所有图片的图块中变化最大的方向，显示为红、绿、蓝。
analyses-pca-components = 主成分
analyses-pca-components-help = 显示为红、绿、蓝的主成分。
analyses-pca-flip = 翻转
analyses-pca-flip-help = 其中要翻转符号的位置。
analyses-pca-foreground = 前景
analyses-pca-foreground-help = 找出前景，只用前景拟合，其余变黑。
analyses-pca-threshold = 阈值
analyses-pca-threshold-help = 为此在第一主成分的何处切分，以标准差为单位。
analyses-pca-invert = 取另一侧
analyses-pca-invert-help = 取切分的另一侧。
analyses-pca-whiten = 白化
analyses-pca-whiten-help = 数值除以其标准差；颜色总是如此。
analyses-pca-basis = 基
analyses-pca-basis-help = 使用已保存的基，不再拟合。
analyses-pca-align = 对齐
analyses-pca-align-help = 拟合的基沿用这个已保存的基的顺序与符号。

analyses-match-about = 第二张图片中与第一张图片每个图块最相似的图块。
analyses-match-points = 点
analyses-match-points-help = 只用第一张图片的这些点；没有则用所有图块。
analyses-match-mutual = 双向成立
analyses-match-mutual-help = 只保留互为最佳的配对。
analyses-match-max_ratio = 次佳比
analyses-match-max_ratio-help = 只保留距离不超过次佳距离这一比例的配对。
analyses-match-max_cycle_px = 往返误差
analyses-match-max_cycle_px-help = 只保留往返后误差在这么多像素以内的配对。
analyses-match-stratify = 间距
analyses-match-stratify-help = 在第一张图片中把配对稀疏到这个间距，以像素为单位。
analyses-match-refine = 细化
analyses-match-refine-help = 把匹配点放到图块之间。
analyses-match-refine_temperature = 细化温度
analyses-match-refine_temperature-help = 细化的温度，以余弦为单位。

analyses-transfer-about = 用第二张图片中匹配图块的颜色显示第一张图片。
analyses-transfer-min_similarity = 最小余弦
analyses-transfer-min_similarity-help = 两个图块的最小余弦。
analyses-transfer-mutual = 双向成立
analyses-transfer-mutual-help = 只保留互为最佳的配对。
analyses-transfer-max_cycle_px = 往返误差
analyses-transfer-max_cycle_px-help = 只保留往返后误差在这么多像素以内的配对。

analyses-shared_colors-about = 两张图片中匹配的部分颜色相同；其余变暗。
analyses-shared_colors-dimmed = 变暗
analyses-shared_colors-dimmed-help = 没有匹配的图块的亮度。
analyses-shared_colors-min_similarity = 最小余弦
analyses-shared_colors-min_similarity-help = 计入的配对的最小余弦。

analyses-clusters-about = 把所有图片中相似的图块分为若干组（k-means）。
analyses-clusters-clusters = 组数
analyses-clusters-clusters-help = 分成多少组。
analyses-clusters-spherical = 球面
analyses-clusters-spherical-help = 只比较方向，不管图块的长度。
analyses-clusters-rounds = 轮数
analyses-clusters-rounds-help = 每次运行的最多轮数。
analyses-clusters-tolerance = 容差
analyses-clusters-tolerance-help = 一轮的改进小于这一比例时结束。
analyses-clusters-restarts = 重启次数
analyses-clusters-restarts-help = 从不同起点运行；保留最好的一次。
analyses-clusters-seed = 种子
analyses-clusters-seed-help = 起点的种子。

analyses-norm-about = 每个图块的向量有多长，哪些过长。不加最终归一化时最明显。
analyses-norm-deviations = 偏差
analyses-norm-deviations-help = 离群图块至少高出中位数多少个稳健标准差。
analyses-norm-ratio = 比率
analyses-norm-ratio-help = 离群图块的最小长度，以中位数为单位。
analyses-norm-verdict = { $name }：{ $outliers ->
    [0] 没有图块长于 { $outlier_threshold_text }（中位数 { $median_norm_text }）：没有伪影图块。
   *[other] { $outliers } 个图块长于 { $outlier_threshold_text }（中位数 { $median_norm_text }），占 { $outlier_share_text }。这样的图块保存的是整张图片的信息而不是自身的信息，如同在 DINOv2 中；带寄存器的模型没有这种图块。
}

analyses-health-about = 压过其他通道的通道、图块之间有多相似、用了多少个方向。
analyses-health-factor = 倍数
analyses-health-factor-help = 离群通道的最小强度，以中位通道为单位。
analyses-health-top = 通道数
analyses-health-top-help = 能量占比按最强的多少个通道计算。
analyses-health-verdict = { $name }：{ $outlier_channels ->
    [0] 没有通道压过其他通道。
    [1] 一个通道压过其他通道，能量占比 { $top_channel_share_text }：它决定每个余弦。
   *[other] { $outlier_channels } 个通道压过其他通道：它们决定每个余弦。
}{ $alike ->
    [yes] 所有图块几乎相同：各自的信息所剩无几。
   *[no] { "" }
}

analyses-choice-mean = 平均
analyses-choice-max = 最大
analyses-choice-logistic = 逻辑回归
analyses-choice-cls = 类别标记
analyses-choice-register = 寄存器

analyses-number-median_norm = 长度中位数
analyses-number-norm_deviation = 稳健标准差
analyses-number-outlier_threshold = 离群长度下限
analyses-number-outliers = 离群图块
analyses-number-outlier_share = 离群图块占比
analyses-number-inertia = 距离平方和
analyses-number-rounds = 最佳一次的轮数
analyses-number-outlier_channels = 压过其他的通道
analyses-number-strongest_channel = 其中最强的通道
analyses-number-top_channel_share = 最强通道的能量占比
analyses-number-median_channel_rms = 中位通道的强度
analyses-number-cls_patch_cosine = 类别标记与图块的平均余弦
analyses-number-patch_patch_cosine = 两个图块的平均余弦
analyses-number-effective_rank = 图块使用的方向数
analyses-number-effective_rank_patches = 参与测量的图块
analyses-number-mutual_pairs = 互为最佳的配对
analyses-number-carried_patches = 有可信匹配的图块
