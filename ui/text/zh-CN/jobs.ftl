## Jobs

jobs-progress = { $done } / { $total }
jobs-left = 约剩 { $time }
jobs-pause = 暂停
jobs-resume = 继续
jobs-cancel = 取消
jobs-more = 显示全部任务
jobs-less = 只显示一个任务

job-analysis = 正在计算 { $name }
job-features = 正在提取 { $name } 的特征
job-figure = 正在写入图表
job-match = 正在匹配 { $a } 与 { $b }
job-pca = 正在拟合基
job-picture = 正在打开 { $name }
job-relink = 正在查找 { $count } 张缺失的图片
job-open = 正在打开 { $name }
job-paste = 正在保存粘贴的图片
job-save = 正在保存项目
job-scan = 正在 { $name } 中查找图片
job-similarity = 正在比较图块
job-thin = 正在稀疏匹配
job-thumbnail = { $name } 的缩略图
job-values = 正在写入数值
