//! The words prompts are made of: common, short and neutral.
//!
//! Each is one token with its leading space in the usual byte-pair vocabularies, so that a
//! prompt of N words has about N tokens. The order is part of what a seed means.

/// All words, in a fixed order.
pub const WORDS: [&str; 224] = [
    "river", "mountain", "valley", "cabin", "cable", "bridge", "stone", "forest", "lake", "snow", "summer", "winter",
    "spring", "autumn", "cloud", "rain", "storm", "sun", "moon", "star", "garden", "field", "farm", "village", "town",
    "city", "street", "road", "path", "corner", "square", "market", "shop", "school", "library", "museum", "theater",
    "station", "train", "boat", "ship", "harbor", "island", "beach", "ocean", "wave", "wind", "fire", "light",
    "shadow", "morning", "evening", "night", "noon", "hour", "minute", "week", "month", "year", "season", "table",
    "chair", "window", "door", "wall", "roof", "floor", "room", "kitchen", "house", "bread", "butter", "cheese",
    "apple", "orange", "lemon", "sugar", "salt", "pepper", "coffee", "tea", "milk", "water", "juice", "soup", "rice",
    "corn", "wheat", "bean", "egg", "horse", "sheep", "goat", "dog", "cat", "bird", "fish", "bear", "wolf", "fox",
    "paper", "letter", "book", "page", "story", "song", "poem", "picture", "frame", "map", "clock", "watch", "key",
    "lock", "box", "bag", "bottle", "cup", "plate", "spoon", "wheel", "engine", "motor", "wire", "metal", "iron",
    "silver", "gold", "copper", "glass", "cotton", "wool", "silk", "shirt", "coat", "hat", "shoe", "glove", "button",
    "pocket", "number", "figure", "line", "circle", "point", "angle", "edge", "center", "middle", "side", "friend",
    "neighbor", "teacher", "student", "doctor", "driver", "pilot", "sailor", "farmer", "baker", "game", "ball", "team",
    "race", "prize", "track", "jump", "step", "climb", "walk", "red", "blue", "green", "yellow", "white", "black",
    "brown", "gray", "pink", "purple", "small", "large", "long", "short", "wide", "narrow", "high", "low", "deep",
    "flat", "warm", "cool", "cold", "hot", "dry", "wet", "soft", "hard", "quick", "slow", "early", "late", "near",
    "far", "young", "old", "new", "fresh", "quiet", "loud", "plan", "idea", "question", "answer", "reason", "result",
    "change", "choice", "chance", "future", "music", "sound", "voice", "word",
];
