import ReactDom from 'react-dom';

export default ReactDom;
export { createPortal, flushSync } from 'react-dom';
