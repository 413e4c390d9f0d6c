// TRUST: the page runs under `require-trusted-types-for 'script'`. Libraries of ours write two kinds of
// string as markup: the empty one (the live announcer) and the name of one character, as `&amp;` (which
// Markdown is full of, and which is nothing but that character). Everything else stays refused.

interface TrustedTypes {
  createPolicy(name: string, rules: { createHTML(text: string): string }): unknown;
}

const ONE_CHARACTER = /^&[A-Za-z][A-Za-z0-9]{0,39};$/;

const trustedTypes: unknown = Reflect.get(globalThis, "trustedTypes");

if (isTrustedTypes(trustedTypes)) {
  trustedTypes.createPolicy("default", {
    createHTML(text) {
      if (text !== "" && !ONE_CHARACTER.test(text)) {
        throw new TypeError("markup from text is refused");
      }
      return text;
    },
  });
}

function isTrustedTypes(value: unknown): value is TrustedTypes {
  return typeof value === "object" && value !== null && "createPolicy" in value;
}
