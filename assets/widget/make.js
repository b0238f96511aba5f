// An element with its class and what else it has: most of what is shown is made of these.

export const make = (tag, className = '', more = {}) => Object.assign(document.createElement(tag), { className, ...more });
