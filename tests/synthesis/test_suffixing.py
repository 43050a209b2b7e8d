"""Turkish word forms, from a table of forms that any grammar gives."""

from __future__ import annotations

import pytest

from polycypher.errors import UsageError
from polycypher.synthesis.language import load_language
from polycypher.synthesis.morphology import make_morphology

TURKISH = load_language("tr").morphology

NOUNS = [
    ("film", "pl", "filmler"),
    ("film", "acc", "filmi"),
    ("film", "gen", "filmin"),
    ("film", "loc", "filmde"),
    ("film", "abl", "filmden"),
    ("film", "dat", "filme"),
    ("film", "poss", "filmi"),
    ("film", "pl.acc", "filmleri"),
    ("film", "pl.gen", "filmlerin"),
    ("film", "poss.gen", "filminin"),
    ("film", "poss.acc", "filmini"),
    ("film", "poss.loc", "filminde"),
    ("film", "poss.abl", "filminden"),
    ("film", "poss.dat", "filmine"),
    ("kişi", "acc", "kişiyi"),
    ("kişi", "gen", "kişinin"),
    ("kişi", "dat", "kişiye"),
    ("kişi", "poss", "kişisi"),
    ("kişi", "pl.loc", "kişilerde"),
    ("oyuncu", "acc", "oyuncuyu"),
    ("oyuncu", "gen", "oyuncunun"),
    ("oyuncu", "pl", "oyuncular"),
    ("oyuncu", "ins", "oyuncuyla"),
    ("kitap/kitab", "acc", "kitabı"),
    ("kitap/kitab", "loc", "kitapta"),
    ("kitap/kitab", "pl", "kitaplar"),
    ("kitap/kitab", "poss", "kitabı"),
    ("ağaç/ağac", "gen", "ağacın"),
    ("ağaç/ağac", "abl", "ağaçtan"),
    ("şehir/şehr", "acc", "şehri"),
    ("şehir/şehr", "loc", "şehirde"),
    ("şehir/şehr", "poss.loc", "şehrinde"),
    ("köpek/köpeğ", "dat", "köpeğe"),
    ("göl", "gen", "gölün"),
    ("köy", "pl.acc", "köyleri"),
    ("okul", "acc", "okulu"),
    ("okul", "loc", "okulda"),
    ("ürün", "pl.poss", "ürünleri"),
    ("ürün", "ins", "ürünle"),
    ("rol^", "pl", "roller"),
    ("rol^", "poss", "rolü"),
    ("rol^", "poss.loc", "rolünde"),
    ("ülke", "poss", "ülkesi"),
    ("ülke", "poss.acc", "ülkesini"),
    ("veri |merkez", "", "veri merkezi"),
    ("veri |merkez", "acc", "veri merkezini"),
    ("veri |merkez", "gen", "veri merkezinin"),
    ("veri |merkez", "pl", "veri merkezleri"),
    ("veri |merkez", "pl.gen", "veri merkezlerinin"),
    ("doğum |yıl", "poss", "doğum yılı"),
    ("doğum |yıl", "poss.dat", "doğum yılına"),
    ("doğum |yıl", "pl.poss.acc", "doğum yıllarını"),
    ("çalışan |sayı", "poss", "çalışan sayısı"),
    ("çalışan |sayı", "poss.acc", "çalışan sayısını"),
    ("yayın|ev", "", "yayınevi"),
    ("yayın|ev", "pl.acc", "yayınevlerini"),
    ("bilim |insan", "pl", "bilim insanları"),
    ("Tifa'", "gen", "Tifa'nın"),
    ("Tifa'", "pl", "Tifa'lar"),
]


@pytest.mark.parametrize(("entry", "feature", "form"), NOUNS)
def test_noun_forms(entry: str, feature: str, form: str) -> None:
    assert TURKISH.noun(entry).form(feature) == form


VALUES = [
    ("Keanu Reeves", "gen", "Keanu Reeves'in"),
    ("Ankara", "loc", "Ankara'da"),
    ("Ankara", "gen", "Ankara'nın"),
    ("Ankara", "dat", "Ankara'ya"),
    ("Ankara", "acc", "Ankara'yı"),
    ("İzmir", "abl", "İzmir'den"),
    ("Paris", "loc", "Paris'te"),
    ("Tom Hanks", "acc", "Tom Hanks'i"),
    ("Hugo", "gen", "Hugo'nun"),
    ("Ömer", "gen", "Ömer'in"),
    ("Şahin Güneş", "dat", "Şahin Güneş'e"),
    ("Tony", "gen", "Tony'nin"),
    ("Lana Wachowski", "gen", "Lana Wachowski'nin"),
    ("Mike", "gen", "Mike'ın"),
    ("George", "gen", "George'un"),
    ("1999", "abl", "1999'dan"),
    ("1999", "gen", "1999'un"),
    ("2000", "abl", "2000'den"),
    ("1970", "abl", "1970'ten"),
    ("1960", "loc", "1960'ta"),
    ("1980", "abl", "1980'den"),
    ("1990", "gen", "1990'ın"),
    ("2010", "abl", "2010'dan"),
    ("50", "abl", "50'den"),
    ("40", "abl", "40'tan"),
    ("30", "loc", "30'da"),
    ("100", "acc", "100'ü"),
    ("1000000", "abl", "1000000'dan"),
    ("7000000", "gen", "7000000'un"),
    ("3", "abl", "3'ten"),
    ("4", "gen", "4'ün"),
    ("6", "acc", "6'yı"),
    ("0", "abl", "0'dan"),
    ("3.5", "abl", "3.5'ten"),
    ("1960", "li", "1960'lı"),
    ("1970", "li", "1970'li"),
    ("2000", "pl.loc", "2000'lerde"),
    ("DC1-RCK-1-10", "loc", "DC1-RCK-1-10'da"),
]


@pytest.mark.parametrize(("text", "feature", "form"), VALUES)
def test_names_and_numbers_take_suffixes_after_an_apostrophe(text: str, feature: str, form: str) -> None:
    assert TURKISH.value(text, feature) == form


VERBS = [
    ("yönet", "an", "yöneten"),
    ("yönet", "dik", "yönettiği"),
    ("yönet", "di", "yönetti"),
    ("yönet", "iyor", "yönetiyor"),
    ("yönet", "mayan", "yönetmeyen"),
    ("yönet", "madik", "yönetmediği"),
    ("yönet", "mis", "yönetmiş"),
    ("yönet", "dikleri", "yönettikleri"),
    ("yönetil", "an", "yönetilen"),
    ("oyna", "an", "oynayan"),
    ("oyna", "dik", "oynadığı"),
    ("oyna", "iyor", "oynuyor"),
    ("oyna", "mayan", "oynamayan"),
    ("oyna", "madik", "oynamadığı"),
    ("yaz", "dik", "yazdığı"),
    ("yaz", "di", "yazdı"),
    ("takip et/ed", "an", "takip eden"),
    ("takip et/ed", "dik", "takip ettiği"),
    ("takip et/ed", "iyor", "takip ediyor"),
    ("bağımlı ol", "dik", "bağımlı olduğu"),
    ("bağımlı ol", "mayan", "bağımlı olmayan"),
    ("kur", "dik", "kurduğu"),
    ("bekle", "iyor", "bekliyor"),
    ("bulun", "an", "bulunan"),
    ("değerlendir", "dikleri", "değerlendirdikleri"),
    ("yönet", "dik.acc", "yönettiğini"),
]


@pytest.mark.parametrize(("stem", "feature", "form"), VERBS)
def test_verb_forms(stem: str, feature: str, form: str) -> None:
    assert TURKISH.verb(stem, feature) == form


@pytest.mark.parametrize(
    ("word", "form"), [("iki", "ikiden"), ("üç", "üçten"), ("beş", "beşten"), ("on", "ondan")]
)
def test_number_words_take_no_apostrophe(word: str, form: str) -> None:
    assert TURKISH.word(word, "abl") == form


def test_an_unknown_suffix_is_named() -> None:
    with pytest.raises(UsageError, match="suffix 'essive'"):
        TURKISH.noun("film").form("essive")


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="engine 'templatic' is unknown"):
        make_morphology({"engine": "templatic"})
