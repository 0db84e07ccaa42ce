// How a text is compared with what somebody types to find it: without case, accents, brackets and the several ways to
// write one letter, in any script; `goldenRetriever` and `golden_retriever` also by each of their words. Comes
// first in the files of tables, the jump box and the search.
var barlowFold = (function () {
  "use strict";
  var MARKS = /[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u200b-\u200f\u2060\ufe0f]/g;  // accents, vowel points
  var LETTERS = { "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "þ": "th", "ς": "σ", "ي": "ى", "ی": "ى", "ک": "ك", "ة": "ه" };
  var LETTER = new RegExp("[" + Object.keys(LETTERS).join("") + "]", "g"), BETWEEN = /[^\p{L}\p{M}\p{N}\p{So}]+/u;

  function fold(text) {
    if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase();
    return text.normalize("NFKD").toLowerCase().replace(MARKS, "").replace(LETTER, c => LETTERS[c]).normalize("NFC");
  }
  function spellings(text) {
    var apart = text.replace(/(\p{Ll}|\p{N})(?=\p{Lu})|(\p{Lu})(?=\p{Lu}\p{Ll})/gu, "$1$2 "), found = fold(text);
    if (apart !== text) found += "\n" + fold(apart);
    return /[_-]/.test(text) ? found + "\n" + fold(text.replace(/[_-]+/g, "")) : found;
  }
  function entry(text) { return { whole: fold(text).trim(), text: spellings(text), words: null }; }
  function pieces(query) {  // the words that are looked for, bare of brackets unless there is nothing else
    return fold(query).split(/\s+/).filter(Boolean).map(p => p.replace(/^\p{P}+|\p{P}+$/gu, "") || p);
  }
  function fit(piece, entry) {  // 3: it is a word, 2: a word starts so, 1: it is somewhere, 0: it is not there
    if (!entry.text.includes(piece)) return 0;
    entry.words = entry.words || entry.text.split(BETWEEN);
    return entry.words.includes(piece) ? 3 : entry.words.some(word => word.startsWith(piece)) ? 2 : 1;
  }
  return { fold, spellings, entry, pieces, fit };
})();
