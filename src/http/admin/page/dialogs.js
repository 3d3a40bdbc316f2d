// @ts-check
import { find, setText } from './dom.js'

/**
 * Asks before something is done that cannot be undone.
 *
 * @param {{ title: string, text: string, yes: string }} question
 * @returns {Promise<boolean>}
 */
export async function confirmed({ title, text, yes }) {
  setText(find('confirm-title', HTMLElement), title)
  setText(find('confirm-text', HTMLElement), text)
  setText(find('confirm-yes', HTMLElement), yes)
  return (await answerTo(find('confirm', HTMLDialogElement))) === 'yes'
}

/**
 * Asks for the admin token.
 *
 * @param {string | null} refused what was given before
 * @returns {Promise<string | undefined>} nothing where the dialog was closed
 */
export async function askForToken(refused) {
  const input = find('token-value', HTMLInputElement)
  input.value = ''
  find('token-wrong', HTMLElement).hidden = refused === null
  const answer = await answerTo(find('token', HTMLDialogElement))
  return answer === 'yes' ? input.value.trim() : undefined
}

/**
 * @param {HTMLDialogElement} dialog
 * @returns {Promise<string>}
 */
function answerTo(dialog) {
  dialog.returnValue = ''
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue), { once: true })
  })
}
