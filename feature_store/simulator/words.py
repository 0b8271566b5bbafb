"""The simulated shop's assortment in English and Chinese: departments, shelves, kinds of things, title words.

Every name is an (English, Chinese) pair; no two shelves share a name.
"""

from dataclasses import dataclass
from typing import Final

__all__ = [
    "COLOURS",
    "DEPARTMENTS",
    "MATERIALS",
    "SHELVES",
    "STYLES",
    "THEMES",
    "Department",
    "Pair",
    "Shelf",
]

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A second-level category: its kinds of things (third level), usual price (CNY), month of most demand."""

    name: Pair
    things: tuple[Pair, ...]
    price: float
    consumable: bool = False
    peak: int | None = None


@dataclass(frozen=True, slots=True)
class Department:
    """A first-level category and its shelves."""

    name: Pair
    shelves: tuple[Shelf, ...]


# A department, and below it its shelves: name | usual price | consumable, peak month | kinds of things.
_ASSORTMENT: Final = """
Home/家居
  Kitchen/厨房 | 89 | | Mug/马克杯, Frying Pan/煎锅, Kettle/水壶
  Bedding/床品 | 239 | peak=11 | Pillow/枕头, Duvet/被子, Sheet Set/四件套
  Lighting/灯具 | 159 | | Desk Lamp/台灯, Floor Lamp/落地灯
  Storage/收纳 | 59 | | Storage Box/收纳箱, Shelf Rack/置物架
Food/食品
  Tea & Coffee/茶与咖啡 | 79 | consumable | Green Tea/绿茶, Coffee Beans/咖啡豆
  Snacks/零食 | 35 | consumable | Mixed Nuts/混合坚果, Crackers/苏打饼干
  Staples/粮油 | 59 | consumable | Rice/大米, Noodles/挂面, Olive Oil/橄榄油
  Chilled Drinks/冷饮 | 29 | consumable peak=7 | Sparkling Water/气泡水, Iced Tea/冰茶
Beauty/美妆
  Skin Care/护肤 | 189 | consumable | Face Cream/面霜, Serum/精华液, Cleanser/洁面乳
  Make-up/彩妆 | 149 | | Lipstick/口红, Foundation/粉底液
  Hair Care/护发 | 69 | consumable | Shampoo/洗发水, Hair Mask/发膜
  Sun Care/防晒 | 99 | consumable peak=7 | Sun Cream/防晒霜, After-sun Gel/晒后修复凝胶
Clothing/服饰
  T-shirts/T恤 | 79 | peak=6 | T-shirt/T恤, Polo Shirt/Polo衫
  Coats/外套 | 499 | peak=12 | Down Coat/羽绒服, Rain Coat/冲锋衣
  Dresses/连衣裙 | 199 | peak=5 | Dress/连衣裙, Skirt/半身裙
  Trousers/裤装 | 169 | | Jeans/牛仔裤, Chinos/休闲裤
Shoes & Bags/鞋包
  Trainers/运动鞋 | 359 | | Running Shoes/跑鞋, Skate Shoes/板鞋
  Sandals/凉鞋 | 119 | peak=7 | Sandals/凉鞋, Flip-flops/人字拖
  Backpacks/双肩包 | 229 | peak=9 | Backpack/双肩包, Laptop Bag/电脑包
  Luggage/旅行箱 | 429 | | Suitcase/行李箱, Travel Bag/旅行袋
Electronics/数码
  Audio/影音 | 399 | | Headphones/头戴耳机, Speaker/蓝牙音箱
  Phone Accessories/手机配件 | 49 | | Phone Case/手机壳, Charger/充电器
  Smart Home/智能家居 | 199 | | Smart Plug/智能插座, Camera/摄像头
  Computing/电脑外设 | 299 | | Keyboard/键盘, Mouse/鼠标, Monitor/显示器
Baby/母婴
  Nappies/纸尿裤 | 109 | consumable | Nappies/纸尿裤, Wet Wipes/婴儿湿巾
  Feeding/喂养 | 199 | consumable | Baby Bottle/奶瓶, Formula/奶粉
  Toys/玩具 | 99 | peak=6 | Building Blocks/积木, Puzzle/拼图
  Prams/童车 | 799 | | Pram/婴儿车, Baby Carrier/背带
Sports/运动
  Fitness/健身 | 129 | | Yoga Mat/瑜伽垫, Dumbbell/哑铃
  Camping/露营 | 329 | peak=5 | Tent/帐篷, Sleeping Bag/睡袋, Camp Stove/露营炉
  Cycling/骑行 | 179 | | Helmet/骑行头盔, Bike Light/车灯
  Swimming/游泳 | 99 | peak=7 | Swimsuit/泳衣, Goggles/泳镜
Pets/宠物
  Cat Food/猫粮 | 89 | consumable | Dry Cat Food/猫干粮, Cat Treats/猫零食
  Dog Food/狗粮 | 99 | consumable | Dry Dog Food/狗干粮, Dog Treats/狗零食
  Litter/猫砂 | 49 | consumable | Cat Litter/猫砂, Litter Tray/猫砂盆
  Pet Toys/宠物玩具 | 39 | | Scratching Post/猫抓板, Chew Toy/磨牙玩具
Books/图书
  Fiction/小说 | 45 | | Novel/长篇小说, Short Stories/短篇小说集
  Children's Books/童书 | 39 | peak=6 | Picture Book/绘本, Comic/漫画
  Cook Books/菜谱 | 59 | | Cook Book/菜谱, Baking Book/烘焙书
  Stationery/文具 | 29 | peak=9 | Notebook/笔记本, Fountain Pen/钢笔
Garden/园艺
  Plants/绿植 | 39 | peak=4 | House Plant/室内绿植, Succulent/多肉植物
  Garden Tools/园艺工具 | 69 | | Watering Can/洒水壶, Pruner/修枝剪
  Patio/露台 | 189 | peak=6 | Parasol/遮阳伞, Folding Chair/折叠椅
  Seeds & Soil/种子与营养土 | 19 | consumable peak=4 | Herb Seeds/香草种子, Potting Soil/营养土
Cleaning/清洁
  Laundry/洗衣 | 49 | consumable | Detergent/洗衣液, Softener/柔顺剂
  Paper/纸品 | 35 | consumable | Tissues/抽纸, Kitchen Roll/厨房纸
  Dishwashing/洗碗 | 39 | consumable | Dish Soap/洗洁精, Dishwasher Tabs/洗碗块
  Appliances/清洁电器 | 599 | | Vacuum Cleaner/吸尘器, Mop/拖把
"""


def _pair(text: str) -> Pair:
    english, chinese = text.strip().split("/")
    return english, chinese


def _shelf(line: str) -> Shelf:
    name, price, flags, things = line.split("|")
    months = [int(flag.removeprefix("peak=")) for flag in flags.split() if flag.startswith("peak=")]
    return Shelf(
        name=_pair(name),
        things=tuple(map(_pair, things.split(","))),
        price=float(price),
        consumable="consumable" in flags,
        peak=months[0] if months else None,
    )


def _departments(table: str) -> tuple[Department, ...]:
    found: list[tuple[Pair, list[Shelf]]] = []
    for line in table.strip().splitlines():
        if line.startswith(" "):
            found[-1][1].append(_shelf(line))
        else:
            found.append((_pair(line), []))
    return tuple(Department(name, tuple(shelves)) for name, shelves in found)


DEPARTMENTS: Final = _departments(_ASSORTMENT)
SHELVES: Final = tuple(shelf for department in DEPARTMENTS for shelf in department.shelves)

STYLES: Final = tuple(map(_pair, ("plain/简约", "playful/趣味", "classic/经典", "outdoor/户外")))
COLOURS: Final = tuple(
    map(_pair, ("white/白色", "black/黑色", "blue/蓝色", "green/绿色", "red/红色", "beige/米色"))
)
MATERIALS: Final = tuple(
    map(_pair, ("cotton/棉", "bamboo/竹", "steel/不锈钢", "recycled/再生材料", "ceramic/陶瓷"))
)

# A theme is what a scenario hall is made of: an occasion, and the shelves its things come from.
THEMES: Final[tuple[tuple[Pair, tuple[str, ...]], ...]] = (
    (("Camping weekend", "周末露营"), ("Camping", "Chilled Drinks", "Snacks", "Lighting")),
    (("Summer by the sea", "夏日海边"), ("Swimming", "Sun Care", "Sandals", "Chilled Drinks")),
    (("New baby", "新生儿"), ("Nappies", "Feeding", "Prams", "Laundry")),
    (("Back to school", "开学季"), ("Stationery", "Backpacks", "Computing", "Children's Books")),
    (("Balcony garden", "阳台花园"), ("Plants", "Seeds & Soil", "Patio", "Lighting")),
    (("Home café", "在家咖啡馆"), ("Tea & Coffee", "Kitchen", "Cook Books", "Fiction")),
)
