## 导出与剪贴板

export-coco = COCO 关键点
export-command-copied = 命令已复制
export-csv = CSV 表格
export-figure-title = 导出图表
export-keypoints-title = 导出关键点
export-no-command = 命令行没有对应此视图的命令。
export-nothing = 还没有可导出的内容，请等视图显示出结果。
export-npy = NumPy 数组
export-png = PNG 图表
export-read-out-copied = 指针处的数值已复制
export-reopened = { $name } 已作为其所示视图打开
export-safetensors = Safetensors
export-svg = SVG 图表
export-values-copied = 视图的全部数值已复制
export-values-title = 导出数值
export-view-copied = 视图已复制为图片
export-written = 已写入：{ $path }
export-name-taken = { $name } 已存在：如要替换，请再次选择。
