import { createContext, useContext } from "react";
import { en, type Text } from "./texts/en";
import { es } from "./texts/es";
import { fr } from "./texts/fr";
import { ja } from "./texts/ja";
import { zh } from "./texts/zh";

export const LANGUAGES: Record<string, string> = {
  en: "English",
  es: "Español",
  fr: "Français",
  zh: "中文",
  ja: "日本語",
};

/** Languages in which nobody speaks here, and in which subtitles can be read all the same. */
export const SECOND_LANGUAGES: Record<string, string> = {
  de: "Deutsch",
  it: "Italiano",
  nl: "Nederlands",
  pl: "Polski",
  pt: "Português",
  sv: "Svenska",
  tr: "Türkçe",
  vi: "Tiếng Việt",
  el: "Ελληνικά",
  ru: "Русский",
  uk: "Українська",
};

/** Every word that the talk window shows, by language. */
export const TEXTS: Record<string, Text> = { en, es, fr, zh, ja };

/** What the talk window shows in a language, English where there are no words. */
export function textFor(language: string): Text {
  return TEXTS[language] ?? en;
}

/** The words of the language in which the partner talks. */
export const TextContext = createContext<Text>(en);

export const useText = () => useContext(TextContext);
