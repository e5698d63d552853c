//! Words that say nothing about a text's subject.

use std::{collections::HashSet, sync::LazyLock};

use super::fold::fold;

/// Languages whose list the `stop-words` crate has in good quality (the lists of Snowball).
const LISTED_LANGUAGES: &[&str] = &["de", "en", "es", "fr", "it", "nl", "pt", "ru"];

/// Stop words of one language that are subjects in another.
const SUBJECTS: &[&str] = &[
    "door", "dove", "estado", "estados", "hat", "man", "men", "sea", "sentido", "sentidos", "sin",
    "son", "todo", "war",
];

/// What the lists leave out, and what is usual in posts.
const FURTHER: &str = "\
    also can't cannot could dont gonna here's how's i'd i'm let's may might much must rt shall since \
    still that's there's us via want what's where's who's within without would yet \
    ainsi alors car cette cet chez comme donc dont elles entre être fait faire ici ils leurs même où \
    plus puis quand quel quelle sans si sous tous tout toute toutes très vers \
    allora anche ancora così però più poi quindi sempre solo essere fare \
    wurde wurden bereits immer mehr schon \
    así aún cada hacer mientras sino tan ahora aqui aquí \
    ainda então onde porque sobre toda todas todos";

/// Languages without a list of that quality.
const ARABIC: &str = "\
    أن إن أنا أنت أنتم إلى إذا أو أي أيضا أين الآن التي الذي الذين اللذين بعد بعض بل بن بين تلك ثم \
    حتى حول حين حيث خلال دون ذلك ذات عبر عليه عليها على عن عند غير في فيه فيها قبل قد كان كانت كل كم \
    كما كيف لا لأن لدى لقد لك لكن لم لما لن له لها لهم لو ليس ليست ما ماذا متى مثل مع من منذ منه منها \
    نحن نحو هؤلاء هذا هذه هل هم هنا هناك هو هي وقد ولا ومن وهو وهي ولم وفي يا يكون تكون";
const PERSIAN: &str = "\
    از است اما او اگر این ای با باید بر برای بود به بی تا تر تو خود خیلی داد دارد در دو دیگر را روی شد \
    شده شما شود ما من می نه نیز نیست هر هم همه هستند و پس پیش چه چون کرد کرده کند که یا یک آن آنها آنکه ها های";
const HINDI: &str = "\
    अब अपना अपनी अपने अभी आदि आप इन इस इसका इसकी इसके इसे उन उनका उनकी उनके उस उसका उसकी उसके उसे एक \
    ऐसे और कई कर करता करते करना करने कहा का कि किया किस किसी की कुछ के को कोई कौन क्या गया गई गए जब जहाँ जा जो तक \
    तब तो था थी थे दिया द्वारा ने नहीं पर फिर बहुत बाद भी मगर में मैं यदि यह यहाँ या ये रहा रही रहे लिए लेकिन वह \
    वहाँ वाले वे सकता सकते सब सभी साथ से हम हर ही हुआ हुई हुए है हैं हो होता होती होते होना";
const KOREAN: &str = "\
    것 것은 것을 것이 것이다 거 게 걸 그 그것 그게 그냥 그녀 그는 그래서 그러나 그런 그런데 그럼 그리고 그를 그의 나 나는 나의 \
    내 내가 너 너는 네 네가 너무 누가 는 다 다른 다시 대한 대해 더 등 등을 등의 들 따라 따라서 때 때문에 또 또는 또한 \
    매우 모두 모든 및 바로 뭐 수 수도 수가 아니다 아주 안 약 어떤 어떻게 언제 없는 없다 없이 여기 왜 우리 우리가 우리는 위한 위해 \
    으로 은 을 의 이 이것 이게 이는 이다 이런 이를 이번 이제 있고 있는 있다 있습니다 입니다 없습니다 자 저 저는 저희 정말 \
    제 제가 좀 중 즉 지금 진짜 통해 하고 하는 하지만 한 할 함께 합니다 했다 했습니다 해 해서 혹은 된 된다 됩니다 되는 되어";
const JAPANESE: &str = "\
    あそこ あちら あと あなた あの あまり あり ある あれ いい いう いた いつ いて いる います いろいろ うち え お おり おれ か かつて から \
    が が き きた くる くれ くん けど ここ こちら こと この これ これら ご さ さらに さん し しか しかし した して しまう すぐ する せ \
    せる そう そこ そして その それ それぞれ た たい ただ たち ため たら たり だ だけ だっ だった だろう ちゃん ちょっと つ つい て で でき \
    できる でし です でも と という といった とか とき ところ とても とも どう どこ どの な ない なお なかっ ながら なく なっ なった など \
    なら なり なる なん に において にて によって により に対して に関する ね の ので のに のみ は ば ひと へ ほか ほど ます また \
    まし まさに まだ まで まま も もう もし もっと もの や やっ やっと やはり よ よう より よる ら られ られる り る れ れた れる わ わけ って った られた された ていた ている を ん んだ \
    および かも すべて など 何 何か 私 僕 俺 彼 彼女 方 事 物 者 的 等 様 中 上 下 前 後 時 年 月 日 分 人 今";
const CHINESE: &str = "\
    一 一个 一個 一些 一样 一樣 一种 一種 一直 一下 上 下 不 不是 不会 不會 不能 不要 与 與 且 两 兩 个 個 中 为 為 为了 為了 为什么 為什麼 \
    之 也 也是 了 于 於 些 从 從 他 他们 他們 以 以及 们 們 会 會 但 但是 你 你们 你們 你的 使 來 来 便 做 再 再次 其 其他 其中 几 幾 \
    到 到了 却 卻 又 及 反而 只 只是 叫 可 可以 可是 可能 各 同 后 後 向 吗 嗎 吧 吗 呢 和 哪 哪里 哪裡 啊 啦 因 因为 因為 因此 在 地 多 多少 \
    大 大家 天 太 她 她们 她們 好 如 如何 如果 它 它们 它們 对 對 对于 對於 将 將 小 就 就是 已 已经 已經 并 並 并且 並且 很 得 怎么 怎麼 怎么样 \
    想 我 我们 我們 我的 或 或者 所 所以 所有 才 把 新 无 無 日 时 時 是 是否 更 最 月 有 有的 有些 没 沒 没有 沒有 点 點 然后 然後 然而 现在 現在 \
    用 由 由于 由於 的 的话 的話 看 着 著 等 等等 给 給 而 而且 而是 能 能够 能夠 自己 至 虽然 雖然 被 要 让 讓 许多 許多 该 該 说 說 请 請 谁 誰 \
    起来 起來 还 還 还是 還是 还有 還有 这 這 这个 這個 这些 這些 这样 這樣 这里 這裡 这种 這種 过 過 那 那个 那個 那些 那么 那麼 那里 那裡 都 里 裡 \
    除了 非常 年 人 什么 什麼 去 使用 它的 他的 她的 已是";

/// The longest stop word, in bytes.
const BYTES_MAX: usize = 48;

/// The stop words of all languages together: a post may mix them, and does not reliably tell which
/// it is in.
static STOP_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let listed = LISTED_LANGUAGES
        .iter()
        .filter_map(|language| stop_words::lookup(language))
        .flatten()
        .copied()
        .filter(|word| !SUBJECTS.contains(word));
    let own = [FURTHER, ARABIC, PERSIAN, HINDI, KOREAN, JAPANESE, CHINESE];
    let own = own.into_iter().flat_map(str::split_whitespace);
    listed.chain(own).map(fold).collect()
});

/// Whether `word`, which is folded, is a stop word of one of the known languages.
pub(super) fn is_stop_word(word: &str) -> bool {
    word.len() <= BYTES_MAX && STOP_WORDS.contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_its_words() {
        for word in [
            "the",
            "don't",
            "nicht",
            "für",
            "est",
            "même",
            "está",
            "não",
            "è",
            "niet",
            "что",
            "في",
            "که",
            "है",
            "그리고",
            "これ",
            "我们",
            "我們",
        ] {
            assert!(is_stop_word(&fold(word)), "{word}");
        }
        for language in LISTED_LANGUAGES {
            assert!(stop_words::lookup(language).is_some(), "{language}");
        }
        assert!(STOP_WORDS.iter().all(|word| word.len() <= BYTES_MAX));
    }

    #[test]
    fn subjects_are_none() {
        for word in ["rust", "war", "man", "서울", "東京", "安全", "world", "sea"] {
            assert!(!is_stop_word(word), "{word}");
        }
    }
}
