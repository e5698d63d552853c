//! What a text is found by: its tags, which the request works out, and its keywords, which the public
//! tier does. One item is one text.

use divan::{
    Bencher, black_box,
    counter::{BytesCount, ItemsCount},
};
use ripple_domain::text;

/// Posts as people write them, by language.
const LANGUAGES: [(&str, &[&str]); 8] = [
    (
        "English",
        &[
            "Finally finished the long walk along the coast, and the view from the last hill was worth \
             every step. #hiking #weekend",
            "Does anybody know why the trains between the airport and the city were so late this \
             morning? https://example.org/trains?line=7",
            "New release: faster search, smaller downloads, and the settings page that you all asked \
             @ada for. #release #opensource",
        ],
    ),
    (
        "German",
        &[
            "Heute früh über den Fluss gelaufen, bevor die Straßen voll wurden: so still ist die Stadt \
             sonst nie. #Frühling #Spaziergang",
            "Wer hat die Donaudampfschifffahrtsgesellschaft erfunden, und warum müssen Wörter so lang \
             sein? #Sprache",
            "Die neue Bibliothek öffnet am Samstag um zehn Uhr, alle sind eingeladen: \
             https://example.org/bücherei",
        ],
    ),
    (
        "Korean",
        &[
            "오늘 서울에서 친구들과 함께 맛있는 저녁을 먹고 한강을 따라 오래 걸었습니다. #서울 #한강",
            "러스트로 작성한 서버가 드디어 배포되었습니다. 어제보다 응답이 훨씬 빨라졌어요! #러스트 #개발",
            "주말에 부산으로 여행을 가는데 바다가 보이는 조용한 카페를 추천해 주세요. #부산여행",
        ],
    ),
    (
        "Japanese",
        &[
            "今日は東京の下町を歩いて、古い喫茶店で美味しいコーヒーを飲みました。 #東京 #散歩",
            "新しいデータベースの実験結果をまとめたので、興味のある方はぜひ読んでみてください。 #データベース",
            "京都の紅葉は来週が見頃だそうです。電車は混みそうなので早起きします。 ＃京都",
        ],
    ),
    (
        "Chinese",
        &[
            "今天早上在公园里跑步，空气很好，遇到了很多老朋友，大家一起吃了早饭。 #跑步",
            "我们的开源项目发布了新版本，搜索速度比以前快了三倍，欢迎大家试用。 #开源 #发布",
            "周末打算去上海看展览，有没有人推荐附近安静的咖啡馆？ #上海",
        ],
    ),
    (
        "Thai",
        &[
            "วันนี้อากาศดีมากเลยไปเดินเล่นที่สวนสาธารณะกับเพื่อนแล้วกินข้าวเย็นด้วยกัน #กรุงเทพ",
            "หนังสือเล่มใหม่ที่ซื้อมาเมื่อวานสนุกจนวางไม่ลง แนะนำให้ทุกคนลองอ่าน #หนังสือ",
            "รถไฟฟ้าสายใหม่เปิดให้บริการแล้ว เดินทางไปสนามบินสะดวกขึ้นมาก",
        ],
    ),
    (
        "Arabic",
        &[
            "زرت اليوم المتحف الجديد في وسط المدينة وكانت المجموعة أجمل مما توقعت. #متحف #ثقافة",
            "هل يعرف أحد مكتبة هادئة للدراسة قريبة من الجامعة؟ شكرا لكم مقدما",
            "انتهينا من كتابة الفصل الأخير من الرواية بعد عامين من العمل. #رواية",
        ],
    ),
    (
        "Russian",
        &[
            "Сегодня вышли на берег реки ещё до рассвета, и тишина стояла такая, что слышно было каждую \
             птицу. #природа",
            "Новая версия программы готова: поиск стал быстрее, а ошибок меньше. Спасибо всем! #релиз",
            "Кто знает хорошую книгу об истории железных дорог? Пишите @ada или сюда. #книги",
        ],
    ),
];

fn main() {
    divan::main();
}

/// Tags and keywords of posts of one language.
#[divan::bench(args = LANGUAGES.map(|(language, _)| language))]
fn tags_and_keywords(bencher: Bencher<'_, '_>, language: &str) {
    measure(bencher, &texts(|it| it == language), both);
}

/// Tags and keywords of posts of all languages in turn.
#[divan::bench(threads = [1, 2])]
fn all_languages(bencher: Bencher<'_, '_>) {
    measure(bencher, &texts(|_| true), both);
}

/// Tags alone, of posts of all languages in turn.
#[divan::bench]
fn tags(bencher: Bencher<'_, '_>) {
    measure(bencher, &texts(|_| true), |text| text::tags(text).len());
}

/// Keywords alone, of posts of all languages in turn.
#[divan::bench]
fn keywords(bencher: Bencher<'_, '_>) {
    measure(bencher, &texts(|_| true), |text| text::keywords(text).len());
}

fn both(text: &str) -> usize {
    text::tags(text).len() + text::keywords(text).len()
}

fn texts(is_meant: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let meant = LANGUAGES.iter().filter(|(language, _)| is_meant(language));
    meant.flat_map(|(_, texts)| texts.iter().copied()).collect()
}

/// Measures passes over `texts`.
fn measure(bencher: Bencher<'_, '_>, texts: &[&str], extract: impl Fn(&str) -> usize + Sync) {
    assert!(texts.iter().all(|text| both(text) > 2));
    bencher
        .counter(ItemsCount::new(texts.len()))
        .counter(BytesCount::new(
            texts.iter().map(|it| it.len()).sum::<usize>(),
        ))
        .bench(|| {
            let pass = texts.iter().map(|text| extract(black_box(text)));
            pass.sum::<usize>()
        });
}
