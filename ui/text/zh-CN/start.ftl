## First start and lesson

start-title = 看见视觉模型所见
start-subtitle = 指向图片的某处，模型认为相似的部分都会亮起。
start-lesson = 开始教程
start-point = 指向
start-point-help = 在图片上移动，相似的部分即刻亮起。
start-pin = 单击保留
start-pin-help = 单击标记“像这里”，Shift+单击标记“不像这里”。
start-another = 再打开一张
start-another-help = 在旁边放入第二张图片，同样的查找会在其中进行。
start-samples = 示例
start-samples-help = 已就绪，无需下载
start-paste = 或粘贴图片：
start-recent = 最近
