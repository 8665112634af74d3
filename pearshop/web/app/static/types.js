/** What the API answers, as far as the app reads it. */

/** @typedef {{id: number, name: string, price: number, image: string, description: string,
 *   category: string, stock: number | null, hidden: boolean}} Product */
/** @typedef {{id: number, product: Product, quantity: number, total_price: number,
 *   pending?: boolean}} Line */
/** @typedef {{order_item_id: number, product_id: number, code: string, available: number,
 *   detail: string}} Notice */
/** @typedef {{version: number, lines: Line[], total_price: number, notices: Notice[]}} Cart */
/** @typedef {{status: string, created_at: string}} OrderEvent */
/** @typedef {{id: number, delivery_address: string, order_items: Line[], total_price: number,
 *   status: string, events: OrderEvent[], created_at: string}} Order */
/** @typedef {{id: number, device: string, current: boolean, created_at: string}} DeviceSession */
/** @typedef {{currency: string, currency_exponent: number}} Shop */
/** @typedef {(root: HTMLElement, signal: AbortSignal, id: number) => string | Promise<string>} View
 *   shows a screen until it is told to end, and returns its title */

export {};
