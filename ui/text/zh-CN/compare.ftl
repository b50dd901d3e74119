## Compare models, layers, sizes

compare-title = 对比
compare-columns = 列
compare-rows = 行
compare-models = 模型
compare-layers = 层
compare-sizes = 尺寸
compare-norms = 归一化
compare-show-as = 显示为
compare-grid = 网格
compare-swipe = 滑动
compare-blink = 闪烁
compare-difference = 差异
compare-shared = 余弦，共用
compare-numbers = 差异数值
compare-correlation = 相关系数
compare-hint = 拖动手柄滑动 · 按住 B 闪烁

compare-add = 添加
compare-remove = 移除
compare-against = A 对比 { $b }
compare-all = 按下方设置
compare-common = 前 { $count } 个共有
compare-difference-cells = 差异格
compare-difference-range = 显示上限
compare-differs = 比较什么
compare-rise = 最大上升
compare-fall = 最大下降
compare-mean = 平均差异
compare-last-layer = 最后一层
compare-layer = 第 { $layer } 层
compare-norm-final = 最终归一化
compare-norm-none = 无归一化
compare-nothing = 无
compare-numbers-of = { $b } 对比 A · { $row }
