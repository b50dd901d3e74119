## Canvas: tools, zoom, read-out

canvas-pointer = 指针
canvas-pin = 钉住
canvas-box = 框选
canvas-lasso = 套索
canvas-pan = 平移
canvas-grid = 图块网格
canvas-overlay = 叠加图
canvas-zoom-in = 放大
canvas-zoom-out = 缩小
canvas-fit = 适合窗口
canvas-actual-size = 1:1
canvas-overview = 缩略导航
canvas-patch = 图块
canvas-pixel = 像素
canvas-score = 得分
canvas-rank = 排名
canvas-rank-of = { $rank } / { $total }
canvas-best-here = 此图最佳
canvas-link = 联动视图
canvas-linked = 已联动
canvas-split = 拆分视图
canvas-close-tab = 关闭标签页
canvas-same-query = 与 { $view } 相同的查询
canvas-name = { $picture }，{ $view }
canvas-hint = 单击钉住 · Shift+单击标记“不像这里”
