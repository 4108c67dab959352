"""What things and people of the shop are called."""

from __future__ import annotations

STORES = (
    ("Harbour", "Hamburg"),
    ("Old Town", "Bremen"),
    ("Station", "Berlin"),
    ("Market Hall", "Leipzig"),
    ("Riverside", "Dresden"),
    ("Online", "Berlin"),
)
PRODUCTS = (
    ("Espresso beans", "coffee"),
    ("Filter roast", "coffee"),
    ("Decaf roast", "coffee"),
    ("Assam", "tea"),
    ("Sencha", "tea"),
    ("Rooibos", "tea"),
    ("Hand grinder", "tools"),
    ("Pour-over kettle", "tools"),
    ("Scale", "tools"),
    ("Paper filters", "supplies"),
    ("Descaler", "supplies"),
    ("Mug", "tableware"),
    ("Espresso cup", "tableware"),
    ("Teapot", "tableware"),
    ("Oat biscuits", "snacks"),
    ("Dark chocolate", "snacks"),
)
FIRST = (
    "Ada",
    "Ben",
    "Clara",
    "Deniz",
    "Emre",
    "Finn",
    "Greta",
    "Hanna",
    "Ivo",
    "Jana",
    "Kofi",
    "Lena",
    "Mina",
    "Noah",
    "Olga",
    "Pia",
)
LAST = (
    "Adler",
    "Brandt",
    "Celik",
    "Dietz",
    "Engel",
    "Fuchs",
    "Graf",
    "Horn",
    "Iversen",
    "Jung",
    "Krause",
    "Lang",
    "Moser",
    "Nowak",
    "Otto",
)
STREETS = ("Mill Lane", "Weir Street", "Canal Road", "Bridge Street", "Sluice Way", "Spring Lane")
CITIES = ("Hamburg", "Bremen", "Berlin", "Leipzig", "Dresden", "Kiel", "Köln", "Göttingen")
