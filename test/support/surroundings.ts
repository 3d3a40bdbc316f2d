/** What people tell all programs of color, language and proxies, and ours of its configuration. */
const SAID_BY_PEOPLE =
  /^(?:CI|FORCE_COLOR|NO_COLOR|LANG|LANGUAGE|LC_\w+|(?:https?|all|no)_proxy|AWS_\w+|ENTREPOT_\w+)$/i

/** The environment of programs under test: that of the tests, whoever runs them and wherever. */
export function surroundings(): NodeJS.ProcessEnv {
  const all = Object.entries(process.env)
  return Object.fromEntries(all.filter(([name]) => !SAID_BY_PEOPLE.test(name)))
}
