## Panels: top bar, tabs, library, tray, status line

top-undo = 撤销：{ $what }
top-redo = 重做：{ $what }
top-nothing-to-undo = 还没有可撤销的操作。
top-nothing-to-redo = 没有可重做的操作。
top-saving = 正在保存
top-file = 文件
top-edit = 编辑
top-view = 视图
top-canvas = 图片
top-go = 转到

tiles-new-view = 新建视图
tiles-close = 关闭 { $name }
tiles-close-others = 关闭其他标签页
tiles-duplicate = 复制视图副本
tiles-split-right = 向右拆分
tiles-split-below = 向下拆分
tiles-split-help = 在旁边再次显示同一张图片。
tiles-link-help = 联动的视图共用指针、钉住点和设置。
tiles-matches-with = 与…匹配
tiles-drop-here = 在此显示
tiles-drop-beside = 新窗格

library-order-added = 按打开顺序
library-order-name = 按名称
library-show-folders = 显示文件夹
library-unfold-all = 全部展开
library-mark-all = 全部选中
library-single = 单张图片
library-clear-search = 清除搜索
library-picture-help = 单击查看，双击在旁边打开，可拖入视图。
library-look = 查看
library-beside = 在旁边打开
library-open-as = 打开为
library-match = 与当前图片匹配
library-compare = 对比模型与层
library-copy-path = 复制路径
library-remove-marked = 从图库移除选中的图片

jobs-waiting = 等待中
jobs-running = 已运行 { $time }
jobs-pausing = 将在下一步暂停
jobs-paused = 已暂停
jobs-stopping = 正在停止
jobs-others = 另有 { $count } 项
jobs-seconds = { $count } 秒
jobs-minutes = { $count } 分钟
jobs-hours = { $hours } 小时 { $minutes } 分钟

status-untrained = 未训练
status-failed = 无法使用
status-not-loaded = 未加载
status-not-started = 尚未启动
status-model-help = 此视图的模型。单击查看所有模型。
status-networks-on = 网络运行于：{ $device }
status-maps-on = 图绘制于：{ $device }
status-times-help = 上次网络运行、上次绘图以及上一帧窗口代码所用的时间。
status-cache-help = 内存中的特征及其上限。较早的会从磁盘取回。
status-memory = 本机内存：{ $size }
status-memory-help = 本程序当前占用的内存，包括已打开的模型文件。
status-hint-pan = 拖动以移动图片 · 按 V 回到指针
status-hint-box = 拖出方框以钉住其中的图块 · Shift 标记“不像这里”
status-hint-lasso = 圈出一部分以钉住其图块 · Shift 标记“不像这里”
status-hint-analysis = 悬停读取数值 · 设置在右侧

compare-empty = 在一张图片上对比层、模型、尺寸或归一化。
compare-begin = 对比各层
models-built-in-name = 内置模型

edit-remove-pictures = 移除图片
