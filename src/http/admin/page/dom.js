// @ts-check

/**
 * The element of the page with this id.
 *
 * @template {Element} Type
 * @param {string} id
 * @param {new () => Type} type
 * @returns {Type}
 */
export function find(id, type) {
  const found = document.getElementById(id)
  if (found instanceof type) return found
  throw new Error(`the page has no ${type.name} #${id}`)
}

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {string} className
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element(name, className, ...children) {
  const made = document.createElement(name)
  if (className !== '') made.className = className
  made.append(...children)
  return made
}

/**
 * @param {string} text
 * @param {() => void} onClick
 * @returns {HTMLButtonElement}
 */
export function button(text, onClick) {
  const made = element('button', '', text)
  made.type = 'button'
  made.addEventListener('click', onClick)
  return made
}

/**
 * Changes only what has to: screen readers tell of every change, and a selection ends with it.
 *
 * @param {Element} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text
}

/**
 * A bar that is full to a part, and says so to screen readers.
 *
 * @param {'meter' | 'progressbar'} role
 * @param {string} label
 */
export function bar(role, label) {
  const part = element('div', 'part')
  const made = element('div', 'bar', part)
  made.role = role
  made.ariaLabel = label
  made.ariaValueMin = '0'
  made.ariaValueMax = '100'
  return {
    element: made,
    /**
     * @param {number | null} ratio of 1; `null` while it is not known
     * @param {string} text what the ratio stands for
     */
    set(ratio, text) {
      const percent = Math.round(Math.min(1, Math.max(0, ratio ?? 0)) * 100)
      part.style.width = `${percent}%`
      if (ratio === null && role === 'progressbar') made.ariaValueNow = null
      else made.ariaValueNow = String(percent)
      made.ariaValueText = text
    },
  }
}

/**
 * A list whose items stay the same elements as long as their keys are there, in the order of the
 * values.
 *
 * @template Value
 * @template {{ element: HTMLElement }} Item
 * @param {HTMLElement} list
 * @param {(value: Value) => string} keyOf
 * @param {(value: Value) => Item} make
 * @param {(item: Item, value: Value) => void} update
 * @returns {(values: readonly Value[]) => void}
 */
export function keyed(list, keyOf, make, update) {
  /** @type {Map<string, Item>} */
  let items = new Map()
  return (values) => {
    /** @type {Map<string, Item>} */
    const next = new Map()
    const hadFocus = list.contains(document.activeElement)
    for (const value of values) {
      const key = keyOf(value)
      const item = items.get(key) ?? make(value)
      update(item, value)
      next.set(key, item)
    }
    for (const [key, item] of items) if (!next.has(key)) item.element.remove()
    for (const [index, item] of [...next.values()].entries()) {
      if (list.children[index] !== item.element) {
        list.insertBefore(item.element, list.children[index] ?? null)
      }
    }
    items = next
    // Whoever goes by keyboard goes on here.
    if (hadFocus && !list.contains(document.activeElement)) list.closest('section')?.focus()
  }
}
