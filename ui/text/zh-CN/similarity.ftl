## Similarity

similarity-title = 相似度
similarity-find = 查找相似图块
similarity-not-like = 不像这里
similarity-not-like-name = 不像：{ $name }
similarity-clear = 清除
similarity-colours = 颜色
similarity-cosine = 余弦
similarity-range = 范围
similarity-auto = 自动
similarity-fixed = 固定
similarity-colour-map = 配色
similarity-strength = 强度
similarity-best-matches = 最佳匹配
similarity-outline-top = 标出前
similarity-skip-around = 忽略周围
similarity-features = 特征
similarity-detail = 精细度
similarity-layer = 层
similarity-norm = 归一化
similarity-norm-final = 最终
similarity-norm-none = 无
similarity-patches = { $count } 图块
similarity-hide-pin = 隐藏
similarity-show-pin = 显示
similarity-remove-pin = 移除钉
similarity-no-pins = 单击图片以钉住一个图块。
