## Settings

settings-title = 设置
settings-appearance = 外观
settings-theme = 主题
settings-theme-system = 跟随系统
settings-theme-dark = 深色
settings-theme-light = 浅色
settings-language = 语言
settings-text-size = 文字大小
settings-reduce-motion = 减少动态效果
settings-device = 设备
settings-graphics = 显卡
settings-processor = 处理器
settings-cache = 缓存
settings-cache-limit = 上限
settings-clear-cache = 清空缓存
settings-keys = 快捷键
