## 编辑：接在“撤销”和“重做”之后

edit-add-keypoint = 放置关键点
edit-add-pictures = 添加图片
edit-add-pin = 钉住
edit-clear-pins = 清除钉住
edit-close-view = 关闭视图
edit-component = 显示分量
edit-freeze = 冻结基
edit-layer = 更改层
edit-link = 链接视图
edit-move-keypoint = 移动关键点
edit-move-pin = 移动钉住点
edit-name-pin = 命名
edit-open-view = 打开视图
edit-relink = 查找图片
edit-remove-keypoint = 移除关键点
edit-remove-pin = 移除钉住点
edit-reopen-figure = 重新打开图表
edit-reset = 重置设置
edit-setting = 更改设置
edit-show-picture = 显示图片
edit-swap = 交换图片
edit-swipe = 移动滑动线
edit-toggle-pin = 隐藏或显示钉住点
edit-turn-pin = 切换钉住点
edit-unfreeze = 解冻基
edit-use-model = 使用模型
