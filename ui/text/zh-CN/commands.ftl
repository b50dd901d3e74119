## Commands: the palette and the key sheet

commands-title = 命令
commands-shortcuts = 快捷键
commands-open-pictures = 打开图片
commands-open-folder = 打开文件夹
commands-save = 保存
commands-save-as = 另存为
commands-undo = 撤销
commands-redo = 重做
commands-paste = 粘贴图片
commands-copy-view = 复制视图
commands-copy-values = 复制数值
commands-copy-command = 复制为命令行
commands-export = 导出插图
commands-settings = 设置
commands-new-view = 新建视图
commands-close-tab = 关闭标签页
commands-split = 拆分视图
commands-next-tab = 下一个标签页
commands-library = 图库
commands-inspector = 检查器
commands-job-tray = 任务栏
commands-full-screen = 全屏
commands-text-larger = 放大文字
commands-text-smaller = 缩小文字
