export { openPage, type Page, type PageAnswer, type PageRequest } from "./built-page.ts";
