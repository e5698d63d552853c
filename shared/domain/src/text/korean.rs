//! Korean particles: they are written onto the word that they mark (`서울에서`, "in Seoul").

/// What may stand before a particle.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// Anything.
    Any,
    /// A syllable with a final consonant (batchim).
    Final,
    /// A syllable without one.
    NoFinal,
    /// A syllable with one, but for ㄹ.
    FinalButRieul,
    /// A syllable without one, or with ㄹ.
    NoFinalOrRieul,
}

use After::{Any, Final, FinalButRieul, NoFinal, NoFinalOrRieul};

/// The particles, and forms of the copula, sorted for the look-up.
const PARTICLES: &[(&str, After)] = &[
    ("가", NoFinal),
    ("같이", Any),
    ("과", Final),
    ("과는", Final),
    ("과도", Final),
    ("과의", Final),
    ("까지", Any),
    ("까지는", Any),
    ("까지도", Any),
    ("까지의", Any),
    ("께", Any),
    ("께서", Any),
    ("께서는", Any),
    ("나", NoFinal),
    ("는", NoFinal),
    ("대로", Any),
    ("도", Any),
    ("든지", NoFinal),
    ("라고", NoFinal),
    ("라는", NoFinal),
    ("라도", NoFinal),
    ("란", NoFinal),
    ("랑", NoFinal),
    ("로", NoFinalOrRieul),
    ("로는", NoFinalOrRieul),
    ("로도", NoFinalOrRieul),
    ("로만", NoFinalOrRieul),
    ("로부터", NoFinalOrRieul),
    ("로서", NoFinalOrRieul),
    ("로써", NoFinalOrRieul),
    ("로의", NoFinalOrRieul),
    ("를", NoFinal),
    ("마다", Any),
    ("마저", Any),
    ("만", Any),
    ("만으로", Any),
    ("만은", Any),
    ("만을", Any),
    ("만이", Any),
    ("만큼", Any),
    ("밖에", Any),
    ("보다", Any),
    ("보다는", Any),
    ("보다도", Any),
    ("부터", Any),
    ("부터는", Any),
    ("부터의", Any),
    ("뿐", Any),
    ("뿐만", Any),
    ("에", Any),
    ("에게", Any),
    ("에게는", Any),
    ("에게도", Any),
    ("에게서", Any),
    ("에는", Any),
    ("에도", Any),
    ("에만", Any),
    ("에서", Any),
    ("에서는", Any),
    ("에서도", Any),
    ("에서만", Any),
    ("에서부터", Any),
    ("에서의", Any),
    ("예요", NoFinal),
    ("와", NoFinal),
    ("와는", NoFinal),
    ("와도", NoFinal),
    ("와의", NoFinal),
    ("으로", FinalButRieul),
    ("으로는", FinalButRieul),
    ("으로도", FinalButRieul),
    ("으로만", FinalButRieul),
    ("으로부터", FinalButRieul),
    ("으로서", FinalButRieul),
    ("으로써", FinalButRieul),
    ("으로의", FinalButRieul),
    ("은", Final),
    ("을", Final),
    ("의", Any),
    ("이", Final),
    ("이나", Final),
    ("이다", Any),
    ("이든지", Final),
    ("이라고", Final),
    ("이라는", Final),
    ("이라도", Final),
    ("이란", Final),
    ("이랑", Final),
    ("이며", Final),
    ("이에요", Final),
    ("이자", Final),
    ("인데", Any),
    ("입니까", Any),
    ("입니다", Any),
    ("조차", Any),
    ("처럼", Any),
    ("하고", Any),
    ("한테", Any),
    ("한테서", Any),
];

/// The longest particle, in syllables.
const PARTICLE_SYLLABLES_MAX: usize = 4;

/// Particles that mark words of one syllable reliably (`집에서`, `책을`). With the others a word of two
/// syllables is more often a word of its own: `결과`, `회의`, `지도`.
const AFTER_ONE_SYLLABLE: &[&str] = &[
    "까지",
    "를",
    "마다",
    "만큼",
    "밖에",
    "보다",
    "부터",
    "에",
    "에게",
    "에는",
    "에도",
    "에서",
    "에서는",
    "에서도",
    "으로",
    "을",
    "입니다",
    "처럼",
];

/// `word` without its particle, the longest that fits; `None` where there is none. The word is in NFC.
pub(super) fn without_particle(word: &str) -> Option<&str> {
    if !word.ends_with(is_syllable) {
        return None;
    }
    // From the longest suffix to the shortest.
    let mut starts = [0; PARTICLE_SYLLABLES_MAX];
    let mut count = 0;
    for (at, c) in word.char_indices().rev().take(PARTICLE_SYLLABLES_MAX) {
        if !is_syllable(c) {
            break;
        }
        starts[count] = at;
        count += 1;
    }
    starts[..count].iter().rev().find_map(|&at| {
        let (stem, particle) = word.split_at(at);
        let found = PARTICLES
            .binary_search_by_key(&particle, |&(form, _)| form)
            .ok()?;
        let (_, after) = PARTICLES[found];
        let last = stem.chars().next_back()?;
        let one_syllable = stem.chars().nth(1).is_none();
        let fits = follows(after, last)
            && (!one_syllable || (is_syllable(last) && AFTER_ONE_SYLLABLE.contains(&particle)));
        fits.then_some(stem)
    })
}

fn is_syllable(c: char) -> bool {
    ('가'..='힣').contains(&c)
}

/// Whether `after` may stand behind `last`. How foreign letters and digits are read is not known, so
/// behind them anything may.
fn follows(after: After, last: char) -> bool {
    const FINALS: u32 = 28;
    const RIEUL: u32 = 8;
    if !is_syllable(last) {
        return true;
    }
    let final_consonant = (last as u32 - '가' as u32) % FINALS;
    match after {
        Any => true,
        Final => final_consonant != 0,
        NoFinal => final_consonant == 0,
        FinalButRieul => !matches!(final_consonant, 0 | RIEUL),
        NoFinalOrRieul => matches!(final_consonant, 0 | RIEUL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn particles_come_off() {
        for (word, stem) in [
            ("서울에서", "서울"),
            ("서울에서는", "서울"),
            ("서울로", "서울"),
            ("서울은", "서울"),
            ("서울이", "서울"),
            ("부산으로", "부산"),
            ("부산을", "부산"),
            ("부산과", "부산"),
            ("제주로", "제주"),
            ("제주는", "제주"),
            ("제주가", "제주"),
            ("제주를", "제주"),
            ("제주와", "제주"),
            ("제주까지도", "제주"),
            ("학교에서부터", "학교"),
            ("사람들에게", "사람들"),
            ("학생입니다", "학생"),
            ("친구처럼", "친구"),
            ("집에서", "집"),
            ("책을", "책"),
            ("api는", "api"),
            ("rust를", "rust"),
            ("2024에", "2024"),
        ] {
            assert_eq!(without_particle(word), Some(stem), "{word}");
        }
    }

    #[test]
    fn words_without_particles_stay() {
        let words = "서울 가을 마을 나이 사과 결과 효과 회의 지도 국가 고래 에서 은 rust ㄱ는x";
        // Written wrong, so what looks like a particle is none.
        let unfitting = "부산로 제주은 제주을 제주이 부산가 부산를 부산와";
        for word in words.split(' ').chain(unfitting.split(' ')).chain([""]) {
            assert_eq!(without_particle(word), None, "{word}");
        }
    }

    #[test]
    fn the_table_can_be_searched() {
        assert!(PARTICLES.is_sorted_by_key(|&(form, _)| form));
        for (form, _) in PARTICLES {
            assert!(
                form.chars().count() <= PARTICLE_SYLLABLES_MAX && form.chars().all(is_syllable)
            );
        }
        for form in AFTER_ONE_SYLLABLE {
            assert!(
                PARTICLES.iter().any(|(particle, _)| particle == form),
                "{form}"
            );
        }
    }
}
